using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Two rings in a file that both processes map, and a socket to wake each other by.</summary>
/// <remarks>
/// A caller that spins looks at memory only; the system is asked whether the peer still lives at every 256th empty look, and
/// whenever a poller has seen the socket ring.
/// </remarks>
internal sealed unsafe partial class SharedMemoryConnection : Connection, IDoorbellOwner
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

    private void RingIf(bool mustRing)
    {
        if (mustRing)
        {
            _bell.Ring();
        }
    }
}
