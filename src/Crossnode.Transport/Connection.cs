namespace Crossnode.Transport;

/// <summary>What became of one attempt to send or to receive.</summary>
public enum IoStatus
{
    /// <summary>Some bytes moved, possibly fewer than asked for; 0 only for an empty span.</summary>
    Done,

    /// <summary>Nothing can move now; wait for readiness, or do something else.</summary>
    WouldBlock,

    /// <summary>The peer ended its side in order; every byte that it sent has been received.</summary>
    Closed,

    /// <summary>The connection broke; <see cref="Connection.Failure"/> says why.</summary>
    Failed,
}

/// <summary>Bytes in order between two ends. No call blocks; one thread at a time uses a connection.</summary>
/// <remarks>
/// The spans are borrowed for the call only. A failed send does not end receiving: what the peer sent before it broke off
/// can still be read, and then <see cref="TryReceive"/> fails too. An end seen once is reported by every later call.
/// After <see cref="Dispose"/> both calls throw <see cref="ObjectDisposedException"/>.
/// </remarks>
public abstract class Connection : IDisposable
{
    /// <summary>The other end, for messages to people.</summary>
    public abstract string Remote { get; }

    /// <summary>Why the connection failed, as a sentence without a full stop; null while it has not.</summary>
    public string? Failure { get; protected set; }

    /// <summary>Bytes taken by <see cref="TrySend"/>.</summary>
    public long BytesSent { get; protected set; }

    /// <summary>Bytes given by <see cref="TryReceive"/>.</summary>
    public long BytesReceived { get; protected set; }

    /// <summary>Sends as much as fits now.</summary>
    /// <returns>Done, WouldBlock or Failed; never Closed, since a peer that ended its side may still read.</returns>
    public abstract IoStatus TrySend(ReadOnlySpan<byte> bytes, out int sent);

    /// <summary>Receives what is there, up to the buffer's size.</summary>
    public abstract IoStatus TryReceive(Span<byte> buffer, out int received);

    /// <summary>Breaks the connection off: bytes under way may be lost, and the peer sees it as failed.</summary>
    /// <remarks>For a peer that broke the rules, or tests; <see cref="Dispose"/> is the orderly end.</remarks>
    public virtual void Abort() => Dispose();

    /// <summary>Ends the connection and returns at once. The peer, if it lives, still gets every byte that was sent.</summary>
    public abstract void Dispose();
}
