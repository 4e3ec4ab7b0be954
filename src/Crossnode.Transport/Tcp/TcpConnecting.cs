using System.Net;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>A non-blocking connect: it ends when the socket becomes writable, with the outcome in its error option.</summary>
internal sealed class TcpConnecting : PendingConnect, ISocketOwner
{
    private readonly IPEndPoint _remote;
    private readonly TcpOptions _options;
    private readonly ClosingSockets _closing;
    private Socket? _socket;
    private TcpConnection? _connection;
    private string? _failure;
    private bool _isRefused;

    // A test passes a socket that is bound already.
    public TcpConnecting(IPEndPoint remote, TcpOptions options, ClosingSockets closing, Socket? socket = null)
    {
        _remote = remote;
        _options = options;
        _closing = closing;
        try
        {
            _socket = socket ?? new Socket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            _socket.Blocking = false;
            SocketTuning.SetBuffers(_socket, options);
            _socket.Connect(remote);
        }
        catch (SocketException e) when (SocketErrors.IsWouldBlock(e.SocketErrorCode))
        {
            // Under way: Poll finds out.
        }
        catch (SocketException e)
        {
            Fail(e.SocketErrorCode);
        }
    }

    public override string? Failure => _failure;

    public override bool IsRefused => _isRefused;

    Socket? ISocketOwner.Socket => _socket;

    public override ConnectStatus Poll(out Connection? connection)
    {
        if (_socket is not null)
        {
            TryFinish(_socket);
        }

        connection = _connection;
        return _connection is not null ? ConnectStatus.Connected
            : _failure is not null ? ConnectStatus.Failed
            : ConnectStatus.Pending;
    }

    public override void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
        if (_connection is null)
        {
            _failure ??= $"the attempt to connect to {_remote} was given up";
        }
    }

    private void TryFinish(Socket socket)
    {
        try
        {
            // Windows reports a refusal as an error condition, other systems as writable.
            if (!socket.Poll(0, SelectMode.SelectWrite) && !socket.Poll(0, SelectMode.SelectError))
            {
                return;
            }

            var error = (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (error != SocketError.Success)
            {
                Fail(error);
            }
            else if (Equals(socket.LocalEndPoint, _remote))
            {
                // A port from the ephemeral range where nobody listens: the socket has met itself.
                Fail(SocketError.ConnectionRefused);
            }
            else
            {
                _connection = new TcpConnection(socket, _remote, _options, _closing);
                _socket = null;
            }
        }
        catch (SocketException e)
        {
            Fail(e.SocketErrorCode);
        }
    }

    private void Fail(SocketError error)
    {
        _failure = SocketErrors.DescribeConnect(error, _remote);
        _isRefused = error == SocketError.ConnectionRefused;
        _socket?.Dispose();
        _socket = null;
    }
}
