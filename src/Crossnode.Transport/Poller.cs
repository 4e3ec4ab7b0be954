namespace Crossnode.Transport;

/// <summary>Waits until something that is watched can make progress. Readiness is a level, not an edge.</summary>
/// <remarks>
/// One thread at a time calls everything but <see cref="Wake"/>. It watches only what its own transport made, but TCP and shared
/// memory are one for it: a poller of either watches both. What is disposed, or has connected, drops out by itself. Wait may
/// return early without cause, so callers try and find out. While it runs, other threads may use and dispose what it watches.
/// </remarks>
public abstract class Poller : IDisposable
{
    /// <summary>Says what to wait for on this connection, in place of what was said before; neither removes it.</summary>
    public abstract void Watch(Connection connection, bool read, bool write);

    /// <summary>Waits for a connection that can be accepted.</summary>
    public abstract void Watch(Listener listener);

    /// <summary>Waits until the attempt has connected or failed.</summary>
    public abstract void Watch(PendingConnect pending);

    /// <summary>Forgets a connection, a listener or an attempt; does nothing if it is not watched.</summary>
    public abstract void Unwatch(object pollable);

    /// <summary>Returns when anything watched is ready, after a <see cref="Wake"/>, or when the time is up.</summary>
    /// <param name="timeout">0 or less looks without blocking.</param>
    /// <remarks>A Wake that came before the call counts. Allocates nothing while what is watched stays the same.</remarks>
    public abstract void Wait(TimeSpan timeout);

    /// <summary>Whether the last <see cref="Wait"/> saw something to do on this connection; true where it cannot tell.</summary>
    public virtual bool IsReady(Connection connection) => true;

    /// <summary>Makes the running or else the next <see cref="Wait"/> return. Any thread may call it, also after Dispose.</summary>
    public abstract void Wake();

    /// <summary>Ends the poller; what it watched is left as it is.</summary>
    public abstract void Dispose();
}
