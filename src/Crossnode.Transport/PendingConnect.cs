namespace Crossnode.Transport;

/// <summary>Where an attempt to connect stands.</summary>
public enum ConnectStatus
{
    /// <summary>No answer yet.</summary>
    Pending,

    /// <summary>The connection is open.</summary>
    Connected,

    /// <summary>There is no connection; <see cref="PendingConnect.Failure"/> says why.</summary>
    Failed,
}

/// <summary>An attempt to connect. It has no deadline of its own: dispose it to give up.</summary>
public abstract class PendingConnect : IDisposable
{
    /// <summary>Why there is no connection, as a sentence without a full stop; null unless failed.</summary>
    public abstract string? Failure { get; }

    /// <summary>Whether the machine was reached and nothing listens there; false unless failed.</summary>
    public virtual bool IsRefused => false;

    /// <summary>Looks without blocking. Once connected, the connection belongs to the caller.</summary>
    public abstract ConnectStatus Poll(out Connection? connection);

    /// <summary>Gives up, unless a connection was handed out: that one lives on.</summary>
    public abstract void Dispose();
}
