namespace Crossnode.Collectives.Plans;

/// <summary>What the member at a position of a ring sends and receives in each step of an all-reduce.</summary>
/// <remarks>
/// The buffer is cut into one segment per member; the first ones are an element longer when the count does not divide.
/// Steps 0 to W-2 scatter the reduction, steps W-1 to 2W-3 gather the results. At step s, position p sends segment
/// p-s and receives segment p-s-1 (modulo W), in both halves; so what it receives at s is what it sends at s+1, and
/// after step W-2 it holds all of segment p+1.
/// </remarks>
internal readonly struct RingSchedule(int worldSize, int position, long count, int elementSize, int chunkBytes)
{
    /// <summary>The steps of the whole all-reduce.</summary>
    public int StepCount => 2 * (worldSize - 1);

    /// <summary>The step whose received data becomes the finished sum of a segment.</summary>
    public int LastReduceStep => worldSize - 2;

    public int SegmentSentAt(int step) => (((position - step) % worldSize) + worldSize) % worldSize;

    public int SegmentReceivedAt(int step) => SegmentSentAt(step + 1);

    public ChunkGrid ChunksOf(int segment)
    {
        var (each, longer) = Math.DivRem(count, worldSize);
        var first = (segment * each) + Math.Min(segment, longer);
        var elements = each + (segment < longer ? 1 : 0);
        return new ChunkGrid(first * elementSize, elements * elementSize, chunkBytes);
    }
}
