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

    /// <summary>Bytes taken by <see cref="TrySend(ReadOnlySpan{byte}, out int)"/>.</summary>
    public long BytesSent { get; protected set; }

    /// <summary>Bytes given by <see cref="TryReceive"/>.</summary>
    public long BytesReceived { get; protected set; }

    /// <summary>Sends as much as fits now.</summary>
    /// <returns>Done, WouldBlock or Failed; never Closed, since a peer that ended its side may still read.</returns>
    public abstract IoStatus TrySend(ReadOnlySpan<byte> bytes, out int sent);

    /// <summary>Sends as much as fits now of two spans, one after the other.</summary>
    /// <remarks>For a header and its payload: where the system can, they go as one.</remarks>
    /// <returns>As of the other one.</returns>
    public virtual IoStatus TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int sent)
    {
        var status = TrySend(first, out sent);
        if (status == IoStatus.Done && sent == first.Length && TrySend(second, out var more) == IoStatus.Done)
        {
            sent += more;
        }

        return status;
    }

    /// <summary>Receives what is there, up to the buffer's size.</summary>
    public abstract IoStatus TryReceive(Span<byte> buffer, out int received);

    /// <summary>Whether <see cref="TryPeek"/> and <see cref="Consume"/> work: what was received can be read where it lies.</summary>
    public virtual bool HasDirectReads => false;

    /// <summary>Whether <see cref="TryReserve"/> and <see cref="Commit"/> work: what is sent can be written where it will lie.</summary>
    public virtual bool HasDirectWrites => false;

    /// <summary>Shows the bytes that have been received and not yet consumed, at least one if done.</summary>
    /// <remarks>
    /// The span is valid until the next call of <see cref="Consume"/>, <see cref="TryReceive"/> or <see cref="Dispose"/>; a later
    /// peek may show more behind the same bytes. The peer can still write to them, if it breaks the rules: copy what is to be
    /// checked before it is used.
    /// </remarks>
    /// <exception cref="NotSupportedException"><see cref="HasDirectReads"/> is false.</exception>
    public virtual IoStatus TryPeek(out ReadOnlySpan<byte> bytes) => throw new NotSupportedException("this connection has no direct reads");

    /// <summary>Gives the peer the room of bytes that <see cref="TryPeek"/> has shown; they count as received.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than the last peek has shown.</exception>
    public virtual void Consume(int bytes) => throw new NotSupportedException("this connection has no direct reads");

    /// <summary>Gives the room in which bytes to be sent can be written, at least one byte if done.</summary>
    /// <remarks>The span is valid until the next call of <see cref="Commit"/>, <see cref="TrySend(ReadOnlySpan{byte}, out int)"/> or <see cref="Dispose"/>.</remarks>
    /// <returns>As of <see cref="TrySend(ReadOnlySpan{byte}, out int)"/>.</returns>
    /// <exception cref="NotSupportedException"><see cref="HasDirectWrites"/> is false.</exception>
    public virtual IoStatus TryReserve(out Span<byte> room) => throw new NotSupportedException("this connection has no direct writes");

    /// <summary>Sends bytes from the start of the room that <see cref="TryReserve"/> gave.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than that room.</exception>
    public virtual void Commit(int bytes) => throw new NotSupportedException("this connection has no direct writes");

    /// <summary>Breaks the connection off: bytes under way may be lost, and the peer sees it as failed.</summary>
    /// <remarks>For a peer that broke the rules, or tests; <see cref="Dispose"/> is the orderly end.</remarks>
    public virtual void Abort() => Dispose();

    /// <summary>Ends the connection and returns at once. The peer, if it lives, still gets every byte that was sent.</summary>
    public abstract void Dispose();
}
