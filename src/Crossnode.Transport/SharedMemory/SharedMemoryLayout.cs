namespace Crossnode.Transport;

/// <summary>Where things lie in the file that two processes share.</summary>
/// <remarks>
/// One page of counters, then the ring that carries what the connecting process sends, then the other ring. Counters that
/// different processes write lie 128 bytes apart: processors fetch cache lines of 64 bytes in pairs.
/// <code>
/// +0    written     8 bytes   by the sender: how many bytes it has put into the ring, ever
/// +128  read        8 bytes   by the receiver: how many of them it has taken out
/// +256  reader waits 4 bytes  set by the receiver before it sleeps, taken back by the sender, which then rings
/// +260  writer waits 4 bytes  the same with the parts exchanged
/// +264  writer's end 4 bytes  by the sender: 0 open, 1 ended in order, 2 broken off
/// </code>
/// The second ring's counters follow at +512. In memory each ring is mapped twice in a row, so that any run of bytes that
/// fits in the ring is one span.
/// </remarks>
internal readonly record struct SharedMemoryLayout(int RingBytes)
{
    public const int CountersBytes = 512;
    public const int ReadOffset = 128;
    public const int ReaderWaitsOffset = 256;
    public const int WriterWaitsOffset = 260;
    public const int WriterEndOffset = 264;
    public const int Rings = 2;

    public const int Open = 0;
    public const int EndedInOrder = 1;
    public const int BrokenOff = 2;

    public const int LargestRingBytes = 1 << 28;

    public static int HeaderBytes => Environment.SystemPageSize;

    public long FileBytes => HeaderBytes + ((long)Rings * RingBytes);

    public long MappedBytes => HeaderBytes + (2L * Rings * RingBytes);

    public static bool IsRingSize(long bytes) =>
        bytes >= Environment.SystemPageSize && bytes <= LargestRingBytes && (bytes & (bytes - 1)) == 0;
}

/// <summary>Pointers to one ring and its counters; valid while its map is.</summary>
internal readonly unsafe struct SharedRing(byte* counters, byte* data, int bytes)
{
    public long* Written => (long*)counters;

    public long* Read => (long*)(counters + SharedMemoryLayout.ReadOffset);

    public int* ReaderWaits => (int*)(counters + SharedMemoryLayout.ReaderWaitsOffset);

    public int* WriterWaits => (int*)(counters + SharedMemoryLayout.WriterWaitsOffset);

    public int* WriterEnd => (int*)(counters + SharedMemoryLayout.WriterEndOffset);

    public byte* Data => data;

    public int Bytes => bytes;
}
