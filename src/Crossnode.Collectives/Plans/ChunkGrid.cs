namespace Crossnode.Collectives.Plans;

/// <summary>A range of bytes cut into chunks, the last of which may be shorter. An empty range is one empty chunk.</summary>
/// <remarks>The empty chunk travels like any other, so that weights do, and every member hears of every step.</remarks>
internal readonly struct ChunkGrid(long start, long bytes, int chunkBytes)
{
    public long Count => Math.Max(1, (bytes + chunkBytes - 1) / chunkBytes);

    public long OffsetOf(long index) => start + (index * chunkBytes);

    public int LengthOf(long index) => (int)Math.Min(chunkBytes, bytes - (index * chunkBytes));
}
