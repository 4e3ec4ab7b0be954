using System.Globalization;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Two rings in a file that both processes map, and a socket to wake each other by.</summary>
/// <remarks>
/// A caller that spins looks at memory only; the system is asked whether the peer still lives at every 256th empty look, and
/// whenever a poller has seen the socket ring.
/// </remarks>
internal sealed unsafe class SharedMemoryConnection : Connection, IDoorbellOwner
{
    private const int LooksPerSystemCall = 256;
    private readonly SharedMemoryMap _map;
    private readonly SharedRing _outgoingRing;
    private readonly SharedRing _incomingRing;
    private readonly RingWriter _outgoing;
    private readonly RingReader _incoming;
    private readonly Doorbell _bell;
    private readonly string _peer;
    private IoStatus? _receiveEnd;
    private bool _sendFailed;
    private int _emptyLooks;
    private volatile bool _isDisposed;

    /// <summary>Takes over the map and the socket.</summary>
    public SharedMemoryConnection(SharedMemoryMap map, Socket socket, int peerId, bool isListeningSide)
    {
        _map = map;
        _bell = new Doorbell(socket);
        _outgoingRing = map.Ring(isListeningSide ? 1 : 0);
        _incomingRing = map.Ring(isListeningSide ? 0 : 1);
        _outgoing = new RingWriter(_outgoingRing);
        _incoming = new RingReader(_incomingRing);
        _peer = PeerCredentials.Name(peerId);
        Remote = $"{_peer} over shared memory";
    }

    public override string Remote { get; }

    public override bool HasDirectReads => true;

    public override bool HasDirectWrites => true;

    Socket? ISocketOwner.Socket => _isDisposed ? null : _bell.Socket;

    private int PeerEnd => Volatile.Read(ref *_incomingRing.WriterEnd);

    public override IoStatus TrySend(ReadOnlySpan<byte> bytes, out int sent)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        sent = 0;
        if (_sendFailed || bytes.IsEmpty)
        {
            return _sendFailed ? IoStatus.Failed : IoStatus.Done;
        }

        if (HasPeerEnded)
        {
            if (IsSendOver())
            {
                return IoStatus.Failed;
            }

            // As with TCP, bytes sent before the peer's end has been read go nowhere and are no error.
            sent = bytes.Length;
        }
        else
        {
            while (sent < bytes.Length && _outgoing.WritePiece(bytes[sent..], out var mustRing) is > 0 and var piece)
            {
                sent += piece;
                RingIf(mustRing);
            }

            if (sent == 0)
            {
                return WhenFull();
            }
        }

        BytesSent += sent;
        return IoStatus.Done;
    }

    public override IoStatus TryReserve(out Span<byte> room)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        room = [];
        if (_sendFailed)
        {
            return IoStatus.Failed;
        }

        if (HasPeerEnded)
        {
            room = IsSendOver() ? [] : _outgoing.Scratch;
            return _sendFailed ? IoStatus.Failed : IoStatus.Done;
        }

        room = _outgoing.Room();
        return room.IsEmpty ? WhenFull() : IoStatus.Done;
    }

    public override void Commit(int bytes)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (!HasPeerEnded)
        {
            if (!_outgoing.Offered(bytes))
            {
                throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "more than TryReserve has given");
            }

            RingIf(_outgoing.Publish(bytes));
        }

        BytesSent += bytes;
    }

    public override IoStatus TryReceive(Span<byte> buffer, out int received)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        received = 0;
        if (_receiveEnd is { } end)
        {
            return end;
        }

        if (buffer.IsEmpty)
        {
            return IoStatus.Done;
        }

        // The end is looked at before the position: what was sent before the end is then seen too.
        var peerEnd = PeerEnd;
        while (received < buffer.Length && _incoming.ReadPiece(buffer[received..], out var mustRing) is > 0 and var piece)
        {
            received += piece;
            RingIf(mustRing);
        }

        if (received == 0)
        {
            return WhenEmpty(peerEnd);
        }

        BytesReceived += received;
        return IoStatus.Done;
    }

    public override IoStatus TryPeek(out ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        bytes = [];
        if (_receiveEnd is { } end)
        {
            return end;
        }

        var peerEnd = PeerEnd;
        bytes = _incoming.Peek();
        return bytes.IsEmpty ? WhenEmpty(peerEnd) : IoStatus.Done;
    }

    public override void Consume(int bytes)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!_incoming.Showed(bytes))
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "more than TryPeek has shown");
        }

        BytesReceived += bytes;
        RingIf(_incoming.Free(bytes));
    }

    public override void Abort() => End(SharedMemoryLayout.BrokenOff);

    public override void Dispose() => End(Failure is null ? SharedMemoryLayout.EndedInOrder : SharedMemoryLayout.BrokenOff);

    bool IDoorbellOwner.TryArm(bool read, bool write)
    {
        lock (_bell.Gate)
        {
            if (!TryHoldMap())
            {
                return false;
            }

            _bell.AddSleeper();
            if (read)
            {
                WaitFlag.Set(_incomingRing.ReaderWaits);
            }

            if (write)
            {
                WaitFlag.Set(_outgoingRing.WriterWaits);
            }

            return true;
        }
    }

    void IDoorbellOwner.Disarm()
    {
        lock (_bell.Gate)
        {
            if (_bell.RemoveSleeper())
            {
                WaitFlag.Clear(_incomingRing.ReaderWaits);
                WaitFlag.Clear(_outgoingRing.WriterWaits);
            }

            _map.DangerousRelease();
        }
    }

    void IDoorbellOwner.Answer() => _bell.Answer();

    bool IDoorbellOwner.IsReady(bool read, bool write) => _isDisposed || HasPeerEnded
        || (read && (_receiveEnd is not null || _incoming.HasBytes))
        || (write && (_sendFailed || _outgoing.HasRoom));

    private bool HasPeerEnded => PeerEnd != SharedMemoryLayout.Open || _bell.HasHungUp;

    private void RingIf(bool mustRing)
    {
        if (mustRing)
        {
            _bell.Ring();
        }
    }

    // Pages must not be unmapped under a thread that sleeps while another one disposes the connection.
    private bool TryHoldMap()
    {
        var isHeld = false;
        try
        {
            if (!_isDisposed)
            {
                _map.DangerousAddRef(ref isHeld);
            }
        }
        catch (ObjectDisposedException)
        {
            // Disposed between the look and the call.
        }

        return isHeld;
    }

    private IoStatus WhenFull()
    {
        if (_outgoing.IsCorrupt)
        {
            return FailSend(CorruptPosition);
        }

        if (IsTimeToLook())
        {
            _bell.Look();
        }

        return HasPeerEnded && IsSendOver() ? IoStatus.Failed : IoStatus.WouldBlock;
    }

    private IoStatus WhenEmpty(int peerEnd)
    {
        if (_incoming.IsCorrupt)
        {
            return FailReceive(CorruptPosition);
        }

        if (peerEnd == SharedMemoryLayout.Open)
        {
            if (!_bell.HasHungUp && IsTimeToLook())
            {
                _bell.Look();
            }

            if (!_bell.HasHungUp)
            {
                return IoStatus.WouldBlock;
            }

            // Nothing is written any more: what the look at memory has missed is seen by another one.
            peerEnd = PeerEnd;
            if (_incoming.HasBytes)
            {
                return IoStatus.WouldBlock;
            }
        }

        if (peerEnd == SharedMemoryLayout.EndedInOrder)
        {
            _receiveEnd = IoStatus.Closed;
            return IoStatus.Closed;
        }

        return FailReceive(PeerBroke(peerEnd));
    }

    // The peer's end has been noticed: whether that is an error for who sends.
    private bool IsSendOver()
    {
        var peerEnd = PeerEnd;
        if (peerEnd != SharedMemoryLayout.EndedInOrder)
        {
            FailSend(PeerBroke(peerEnd));
        }
        else if (_receiveEnd is not null)
        {
            FailSend($"connection closed by {Remote}");
        }

        return _sendFailed;
    }

    private bool IsTimeToLook() => ++_emptyLooks % LooksPerSystemCall == 0;

    private string CorruptPosition => $"{_peer} broke the rules of shared memory: it wrote a position that cannot be";

    private string PeerBroke(int peerEnd) => peerEnd switch
    {
        SharedMemoryLayout.Open => $"the process at the other end ({_peer}) is gone",
        SharedMemoryLayout.BrokenOff => $"connection reset by {Remote}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{_peer} broke the rules of shared memory: it ended with {peerEnd}"),
    };

    private IoStatus FailSend(string why)
    {
        _sendFailed = true;
        Failure ??= why;
        return IoStatus.Failed;
    }

    private IoStatus FailReceive(string why)
    {
        Failure ??= why;
        _receiveEnd = IoStatus.Failed;
        return IoStatus.Failed;
    }

    private void End(int how)
    {
        if (_isDisposed)
        {
            return;
        }

        // The reason is in memory before the socket says that there is one.
        _isDisposed = true;
        Volatile.Write(ref *_outgoingRing.WriterEnd, how);
        _bell.Dispose();
        _map.Dispose();
    }
}
