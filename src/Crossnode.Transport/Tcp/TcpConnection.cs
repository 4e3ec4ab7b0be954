using System.Net;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>A connected TCP socket, non-blocking, through the overloads that neither throw nor allocate.</summary>
internal sealed class TcpConnection : Connection, ISocketOwner
{
    private readonly Socket _socket;
    private readonly TimeSpan _drainTime;
    private readonly ClosingSockets _closing;
    private IoStatus? _receiveEnd;
    private bool _sendFailed;
    private bool _isDisposed;

    public TcpConnection(Socket socket, IPEndPoint remote, TcpOptions options, ClosingSockets closing)
    {
        _socket = socket;
        _drainTime = options.DrainTime;
        _closing = closing;
        Remote = remote.ToString();
        SocketTuning.Apply(socket, remote, options);
    }

    public override string Remote { get; }

    Socket? ISocketOwner.Socket => _isDisposed ? null : _socket;

    public override IoStatus TrySend(ReadOnlySpan<byte> bytes, out int sent)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        sent = 0;
        if (_sendFailed)
        {
            return IoStatus.Failed;
        }

        if (bytes.IsEmpty)
        {
            return IoStatus.Done;
        }

        sent = _socket.Send(bytes, SocketFlags.None, out var error);
        if (sent > 0)
        {
            BytesSent += sent;
            return IoStatus.Done;
        }

        if (error == SocketError.Success || SocketErrors.IsWouldBlock(error) || error == SocketError.NoBufferSpaceAvailable)
        {
            return IoStatus.WouldBlock;
        }

        _sendFailed = true;
        Failure ??= SocketErrors.Describe(error, Remote);
        return IoStatus.Failed;
    }

    public override IoStatus TrySend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int sent)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_sendFailed || first.IsEmpty || second.IsEmpty || !GatheringSend.IsThere)
        {
            return base.TrySend(first, second, out sent);
        }

        var count = GatheringSend.Send(_socket, first, second);
        if (count > 0)
        {
            sent = (int)count;
            BytesSent += sent;
            return IoStatus.Done;
        }

        if (GatheringSend.WouldBlock)
        {
            sent = 0;
            return IoStatus.WouldBlock;
        }

        // The plain call says what is wrong, in words.
        return base.TrySend(first, second, out sent);
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

        received = _socket.Receive(buffer, SocketFlags.None, out var error);
        if (received > 0)
        {
            BytesReceived += received;
            return IoStatus.Done;
        }

        if (SocketErrors.IsWouldBlock(error))
        {
            return IoStatus.WouldBlock;
        }

        if (error != SocketError.Success)
        {
            Failure ??= SocketErrors.Describe(error, Remote);
        }

        // A reset that a send has met is not told again: the system then reports an end that looks orderly.
        _receiveEnd = Failure is null ? IoStatus.Closed : IoStatus.Failed;
        return _receiveEnd.Value;
    }

    public override void Abort()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            TryLinger();
            _socket.Dispose();
        }
    }

    public override void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (Failure is not null || !TryShutdownSend() || _receiveEnd is not null || _drainTime <= TimeSpan.Zero)
        {
            _socket.Dispose();
        }
        else
        {
            _closing.Add(_socket, _drainTime);
        }
    }

    private bool TryShutdownSend()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
            return true;
        }
        catch (SocketException)
        {
            // The peer has reset the connection meanwhile.
            return false;
        }
    }

    private void TryLinger()
    {
        try
        {
            _socket.LingerState = new LingerOption(true, 0);
        }
        catch (SocketException)
        {
            // Already broken: closing is all that is left.
        }
    }
}
