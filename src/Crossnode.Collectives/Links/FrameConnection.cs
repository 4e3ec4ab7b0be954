using Crossnode.Core.Errors;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.Links;

/// <summary>What a <see cref="FrameConnection"/> found.</summary>
public enum FrameStatus
{
    /// <summary>Nothing more for now.</summary>
    WouldBlock,

    /// <summary>A preamble or a header is there; take it.</summary>
    Ready,

    /// <summary>The peer ended the connection in order.</summary>
    Closed,

    /// <summary>The connection broke, or its bytes are no frames; see <see cref="FrameConnection.Failure"/>.</summary>
    Failed,
}

/// <summary>Preambles and frames over a connection; payloads move between the socket and the caller's memory.</summary>
/// <remarks>Not blocking, one thread at a time. Small frames share one send; large payloads are never copied.</remarks>
public sealed unsafe class FrameConnection : IDisposable
{
    // Sixteen small operations' worth of frames in one send; a payload up to SmallPayload is copied in with its header.
    private const int StagingSize = 64 << 10;

    private const int Line = 64;

    // One read takes a 4 KiB operation with its token; of a large payload at most this much is copied once more.
    private const int ReadSize = 16 << 10;

    // What goes through memory in one turn, and lies in the cache of the sender when the receiver reads it.
    private const int TurnBytes = 128 << 10;

    private readonly Connection _connection;
    private readonly byte[] _in = GC.AllocateUninitializedArray<byte>(ReadSize);
    private byte[] _out = GC.AllocateUninitializedArray<byte>(StagingSize);
    private int _inStart;
    private int _inEnd;
    private int _outStart;
    private int _outEnd;
    private byte* _sendPayload;
    private int _sendLeft;
    private byte* _receivePayload;
    private int _receiveLeft;

    /// <summary>Takes over a connection.</summary>
    public FrameConnection(Connection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _connection = connection;
    }

    /// <summary>A payload of at most this many bytes is copied behind its header.</summary>
    public static int SmallPayload => 8 << 10;

    /// <summary>The connection, to be watched by a poller.</summary>
    public Connection Connection => _connection;

    /// <summary>Why the connection is of no more use.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether bytes wait to be sent.</summary>
    public bool HasPending => _outStart < _outEnd || _sendLeft > 0;

    /// <summary>Whether a header with a small payload fits now.</summary>
    public bool CanQueue => _sendLeft == 0 && _out.Length - _outEnd >= FrameHeader.Size + SmallPayload;

    /// <summary>Whether the payload of the last header is still coming.</summary>
    public bool IsReceivingPayload => _receiveLeft > 0;

    /// <summary>Queues bytes as they are: preambles.</summary>
    public void Queue(ReadOnlySpan<byte> bytes)
    {
        Invariant.Check(_sendLeft == 0, "bytes were queued behind an unfinished payload");
        EnsureRoom(bytes.Length);
        bytes.CopyTo(_out.AsSpan(_outEnd));
        _outEnd += bytes.Length;
    }

    /// <summary>Queues a header, and its payload by copy when it is small.</summary>
    /// <returns>True when the payload was copied (or empty); false when it stays borrowed until <see cref="Flush"/> has sent it.</returns>
    public bool QueueFrame(in FrameHeader header, byte* payload)
    {
        EnsureRoom(FrameHeader.Size + (header.Length <= SmallPayload ? header.Length : 0));
        header.Write(_out.AsSpan(_outEnd));
        _outEnd += FrameHeader.Size;
        if (header.Length == 0)
        {
            return true;
        }

        if (header.Length <= SmallPayload)
        {
            new ReadOnlySpan<byte>(payload, header.Length).CopyTo(_out.AsSpan(_outEnd));
            _outEnd += header.Length;
            return true;
        }

        _sendPayload = payload;
        _sendLeft = header.Length;
        return false;
    }

    /// <summary>Queues a control frame with its body, whatever its size.</summary>
    public void QueueControl(ReadOnlySpan<byte> body)
    {
        EnsureRoom(FrameHeader.Size + body.Length);
        new FrameHeader { Type = FrameType.Control, Length = body.Length }.Write(_out.AsSpan(_outEnd));
        _outEnd += FrameHeader.Size;
        body.CopyTo(_out.AsSpan(_outEnd));
        _outEnd += body.Length;
    }

    /// <summary>Sends what fits. Ready: all is with the kernel; WouldBlock: some is left.</summary>
    /// <param name="moved">Whether any bytes went.</param>
    public FrameStatus Flush(out bool moved)
    {
        moved = false;
        while (_outStart < _outEnd && _sendLeft > 0 && !_connection.HasDirectWrites)
        {
            var staged = _out.AsSpan(_outStart, _outEnd - _outStart);
            var status = _connection.TrySend(staged, new ReadOnlySpan<byte>(_sendPayload, _sendLeft), out var sent);
            if (status != IoStatus.Done)
            {
                return Blocked(status);
            }

            moved = true;
            var ofPayload = Math.Max(0, sent - staged.Length);
            _outStart += sent - ofPayload;
            _sendPayload += ofPayload;
            _sendLeft -= ofPayload;
        }

        while (_outStart < _outEnd)
        {
            var status = _connection.TrySend(_out.AsSpan(_outStart, _outEnd - _outStart), out var sent);
            if (status != IoStatus.Done)
            {
                return Blocked(status);
            }

            moved = true;
            _outStart += sent;
        }

        _outStart = _outEnd = 0;
        // Through memory each piece is read while it is in the cache: sending takes turns with receiving.
        var most = _connection.HasDirectWrites ? TurnBytes : int.MaxValue;
        while (_sendLeft > 0)
        {
            var status = _connection.TrySend(new ReadOnlySpan<byte>(_sendPayload, Math.Min(_sendLeft, most)), out var sent);
            if (status != IoStatus.Done)
            {
                return Blocked(status);
            }

            moved = true;
            _sendPayload += sent;
            _sendLeft -= sent;
            if (_sendLeft > 0 && _connection.HasDirectWrites)
            {
                return FrameStatus.WouldBlock;
            }
        }

        return FrameStatus.Ready;
    }

    /// <summary>Looks for a whole preamble.</summary>
    public FrameStatus TryReadPreamble(out Preamble? preamble)
    {
        preamble = null;
        while (true)
        {
            if (Preamble.TryRead(_in.AsSpan(_inStart, _inEnd - _inStart), out preamble, out var consumed, out var error))
            {
                _inStart += consumed;
                return FrameStatus.Ready;
            }

            if (error is not null)
            {
                return Fail(error);
            }

            var status = Fill(out _);
            if (status != FrameStatus.Ready)
            {
                return status;
            }
        }
    }

    /// <summary>Looks for a whole header. Its payload must then be taken with <see cref="ReceivePayload"/>.</summary>
    public FrameStatus TryReadHeader(out FrameHeader header, out bool moved)
    {
        moved = false;
        header = default;
        if (HasDirectReads)
        {
            return TryReadHeaderDirectly(out header, out moved);
        }

        while (_inEnd - _inStart < FrameHeader.Size)
        {
            var status = Fill(out var received);
            moved |= received;
            if (status != FrameStatus.Ready)
            {
                return status;
            }
        }

        if (!FrameHeader.TryRead(_in.AsSpan(_inStart, FrameHeader.Size), out header, out var error))
        {
            return Fail($"{_connection.Remote} sent {error}");
        }

        moved = true;
        _inStart += FrameHeader.Size;
        return FrameStatus.Ready;
    }

    /// <summary>Says where the payload of the header just read goes; bytes that have come already are copied there.</summary>
    public void BeginPayload(byte* target, int length)
    {
        var here = Math.Min(length, _inEnd - _inStart);
        _in.AsSpan(_inStart, here).CopyTo(new Span<byte>(target, here));
        _inStart += here;
        _receivePayload = target + here;
        _receiveLeft = length - here;
    }

    /// <summary>Receives the payload straight into its memory. Ready: it is all there.</summary>
    public FrameStatus ReceivePayload(out bool moved)
    {
        moved = false;
        while (_receiveLeft > 0)
        {
            var status = _connection.TryReceive(new Span<byte>(_receivePayload, _receiveLeft), out var received);
            if (status != IoStatus.Done)
            {
                return Blocked(status);
            }

            moved = true;
            _receivePayload += received;
            _receiveLeft -= received;
        }

        return FrameStatus.Ready;
    }

    /// <summary>Whether payloads can be read where they lie, with <see cref="TryPeekPayload"/>.</summary>
    public bool HasDirectReads => _connection.HasDirectReads && _inStart == _inEnd;

    /// <summary>Says that the payload of the header just read is taken with <see cref="TryPeekPayload"/>.</summary>
    public void BeginDirectPayload(int length) => _receiveLeft = length;

    /// <summary>Shows the next piece of the payload: whole lines of 64 bytes, or its end. Call <see cref="ConsumePayload"/> with its length.</summary>
    public FrameStatus TryPeekPayload(out ReadOnlySpan<byte> piece)
    {
        piece = [];
        var status = _connection.TryPeek(out var bytes);
        if (status != IoStatus.Done)
        {
            return Blocked(status);
        }

        var length = Math.Min(Math.Min(bytes.Length, _receiveLeft), TurnBytes);
        if (length < _receiveLeft)
        {
            length &= ~(Line - 1);
        }

        piece = bytes[..length];
        return length > 0 ? FrameStatus.Ready : FrameStatus.WouldBlock;
    }

    /// <summary>Gives back a piece of the payload that was taken.</summary>
    public void ConsumePayload(int length)
    {
        _connection.Consume(length);
        _receiveLeft -= length;
    }

    /// <summary>Frees all borrowed memory: what is left of a payload to send is copied, one half received is forgotten.</summary>
    /// <remarks>Sending may go on, so that a last frame can follow; receiving may not.</remarks>
    public void DetachPayloads()
    {
        _receiveLeft = 0;
        if (_sendLeft > 0)
        {
            EnsureRoom(_sendLeft);
            new ReadOnlySpan<byte>(_sendPayload, _sendLeft).CopyTo(_out.AsSpan(_outEnd));
            _outEnd += _sendLeft;
            _sendLeft = 0;
        }
    }

    /// <summary>Breaks the connection off, so that the peer sees it as broken.</summary>
    public void Abort() => _connection.Abort();

    /// <inheritdoc />
    public void Dispose() => _connection.Dispose();

    // The peer can still write to what is peeked at: the header is copied before it is looked at.
    private FrameStatus TryReadHeaderDirectly(out FrameHeader header, out bool moved)
    {
        moved = false;
        header = default;
        var status = _connection.TryPeek(out var bytes);
        if (status != IoStatus.Done || bytes.Length < FrameHeader.Size)
        {
            return status == IoStatus.Done ? FrameStatus.WouldBlock : Blocked(status);
        }

        Span<byte> copy = stackalloc byte[FrameHeader.Size];
        bytes[..FrameHeader.Size].CopyTo(copy);
        _connection.Consume(FrameHeader.Size);
        moved = true;
        return FrameHeader.TryRead(copy, out header, out var error)
            ? FrameStatus.Ready
            : Fail($"{_connection.Remote} sent {error}");
    }

    private FrameStatus Fill(out bool received)
    {
        received = false;
        if (_inStart == _inEnd)
        {
            _inStart = _inEnd = 0;
        }
        else if (_inStart > 0)
        {
            _in.AsSpan(_inStart, _inEnd - _inStart).CopyTo(_in);
            _inEnd -= _inStart;
            _inStart = 0;
        }

        // What follows the preamble stays where it can be read directly.
        var room = _in.AsSpan(_inEnd);
        if (_connection.HasDirectReads && _inEnd < Preamble.FixedSize)
        {
            room = room[..(Preamble.FixedSize - _inEnd)];
        }

        var status = _connection.TryReceive(room, out var count);
        if (status != IoStatus.Done)
        {
            return Blocked(status);
        }

        received = true;
        _inEnd += count;
        return FrameStatus.Ready;
    }

    private FrameStatus Blocked(IoStatus status) => status switch
    {
        IoStatus.WouldBlock => FrameStatus.WouldBlock,
        IoStatus.Closed => Ended("closed by the other side"),
        _ => Fail(_connection.Failure ?? "broken"),
    };

    private FrameStatus Ended(string why)
    {
        Failure ??= why;
        return FrameStatus.Closed;
    }

    private FrameStatus Fail(string why)
    {
        Failure ??= why;
        return FrameStatus.Failed;
    }

    private void EnsureRoom(int bytes)
    {
        if (_out.Length - _outEnd >= bytes)
        {
            return;
        }

        _out.AsSpan(_outStart, _outEnd - _outStart).CopyTo(_out);
        _outEnd -= _outStart;
        _outStart = 0;
        if (_out.Length - _outEnd < bytes)
        {
            Array.Resize(ref _out, Math.Max(_out.Length * 2, _outEnd + bytes));
        }
    }
}
