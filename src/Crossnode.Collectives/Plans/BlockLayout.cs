namespace Crossnode.Collectives.Plans;

/// <summary>Where the blocks of a plan begin and end, in elements.</summary>
internal sealed class BlockLayout
{
    private readonly long[] _starts;

    private BlockLayout(long[] starts) => _starts = starts;

    public int Count => _starts.Length - 1;

    public long Total => _starts[^1];

    /// <summary>Cuts a count evenly; the first blocks are an element longer when it does not divide.</summary>
    public static BlockLayout Even(long count, int blocks)
    {
        var starts = new long[blocks + 1];
        var (each, longer) = Math.DivRem(count, blocks);
        for (var block = 0; block < blocks; block++)
        {
            starts[block + 1] = starts[block] + each + (block < longer ? 1 : 0);
        }

        return new BlockLayout(starts);
    }

    /// <summary>Lays blocks of given counts one after another.</summary>
    public static BlockLayout Of(IReadOnlyList<long> counts)
    {
        var starts = new long[counts.Count + 1];
        for (var block = 0; block < counts.Count; block++)
        {
            starts[block + 1] = checked(starts[block] + counts[block]);
        }

        return new BlockLayout(starts);
    }

    public long StartOf(int block) => _starts[block];

    public long LengthOf(int block) => _starts[block + 1] - _starts[block];
}
