namespace Crossnode.Transport;

/// <summary>How one process tells another that it is about to sleep, without losing a wake-up.</summary>
/// <remarks>
/// The sleeper sets the flag, then a full fence, then looks at the ring once more, and only then blocks. The other side
/// publishes its position, then a full fence, then looks at the flag. Of two processes that each write one word and then, after
/// a full fence, read the other's, at least one sees what the other wrote: either the sleeper sees the new position and does
/// not block, or the other side sees the flag and writes a byte to the socket on which the sleeper blocks. The byte stays there
/// until it is received, so it does not matter whether it comes before or after the sleeper has entered its system call. A byte
/// that comes late only makes some later wait return early.
/// A futex would carry one wait on one word; a member waits for several links, its listener and its control stream in one
/// call, so the doorbell is a socket.
/// </remarks>
internal static unsafe class WaitFlag
{
    /// <summary>Sets the flag; look again before blocking.</summary>
    public static void Set(int* flag)
    {
        Volatile.Write(ref *flag, 1);
        Interlocked.MemoryBarrier();
    }

    /// <summary>Takes the flag back when nobody sleeps any more.</summary>
    public static void Clear(int* flag) => Volatile.Write(ref *flag, 0);

    /// <summary>Called after a position was published.</summary>
    /// <returns>Whether the flag was set: ring once.</returns>
    public static bool TakeBack(int* flag)
    {
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref *flag) != 0 && Interlocked.Exchange(ref *flag, 0) != 0;
    }
}
