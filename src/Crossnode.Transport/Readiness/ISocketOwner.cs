using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Something that a socket poller can watch.</summary>
internal interface ISocketOwner
{
    /// <summary>The socket; null once there is nothing left to wait for.</summary>
    Socket? Socket { get; }

    /// <summary>The peer writes to the socket whatever is waited for: it is always waited on for reading.</summary>
    bool IsWokenByReading => false;

    /// <summary>It has to be tried again soon, though its socket may say nothing.</summary>
    bool NeedsAnotherLook => false;
}

/// <summary>Something whose socket is a doorbell only: what can be done is seen in memory.</summary>
internal interface IDoorbellOwner : ISocketOwner
{
    bool ISocketOwner.IsWokenByReading => true;

    /// <summary>Asks the peer to ring; then look once more, and sleep only if nothing is ready.</summary>
    /// <returns>False when it was disposed: do not sleep.</returns>
    bool TryArm(bool read, bool write);

    /// <summary>Ends a sleep that <see cref="TryArm"/> began.</summary>
    void Disarm();

    /// <summary>Called when the socket was readable.</summary>
    void Answer();

    /// <summary>Whether what is waited for can be done now.</summary>
    bool IsReady(bool read, bool write);
}
