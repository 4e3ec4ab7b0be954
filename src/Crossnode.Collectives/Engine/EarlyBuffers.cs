namespace Crossnode.Collectives.Engine;

/// <summary>Pinned memory for frames that come before their operation is started here; small operations meet that every other time.</summary>
/// <remarks>Two sizes are kept, a few of each; what is never given back is collected like any array.</remarks>
internal sealed class EarlyBuffers
{
    private const int SmallBytes = 4 << 10;
    private const int LargeBytes = 64 << 10;
    private const int MostKept = 8;

    private readonly Stack<byte[]> _small = new(MostKept);
    private readonly Stack<byte[]> _large = new(MostKept);

    /// <summary>Rents at least that many bytes.</summary>
    public byte[] Rent(int bytes) => bytes <= SmallBytes ? Rent(_small, SmallBytes)
        : bytes <= LargeBytes ? Rent(_large, LargeBytes)
        : GC.AllocateUninitializedArray<byte>(bytes, pinned: true);

    /// <summary>Takes memory back that nothing is written to any more.</summary>
    public void Return(byte[] buffer)
    {
        var kept = buffer.Length == SmallBytes ? _small : _large;
        if (buffer.Length is SmallBytes or LargeBytes && kept.Count < MostKept)
        {
            kept.Push(buffer);
        }
    }

    private static byte[] Rent(Stack<byte[]> kept, int bytes) =>
        kept.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
}
