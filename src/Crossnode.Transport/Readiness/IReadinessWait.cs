using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>How this system waits for several sockets at once.</summary>
internal interface IReadinessWait : IDisposable
{
    /// <summary>Replaces what is waited for.</summary>
    void Set(IReadOnlyList<Watched> watched);

    /// <summary>Waits; 0 does not block.</summary>
    void Wait(TimeSpan timeout);

    /// <summary>Whether the last wait saw something at this place in the list.</summary>
    bool IsReady(int index);

    /// <summary>Ends the running or the next wait, from any thread.</summary>
    void Wake();
}

/// <summary>One socket and what its owner is watched for.</summary>
internal readonly record struct Watched(ISocketOwner Owner, Socket Socket, bool Read, bool Write)
{
    /// <summary>Whether to wait until the socket is readable.</summary>
    public bool ReadsSocket => Read || Owner.IsWokenByReading;

    /// <summary>Whether to wait until the socket is writable.</summary>
    public bool WritesSocket => Write && !Owner.IsWokenByReading;
}

/// <summary>Picks the wait that this system has.</summary>
internal static class ReadinessWaits
{
    public static IReadinessWait ForThisSystem()
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                return new PollWait();
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
            {
                // A C library under another name.
            }
        }

        return new SelectWait();
    }
}
