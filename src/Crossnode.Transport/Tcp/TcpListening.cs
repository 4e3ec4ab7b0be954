using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>A listening TCP socket.</summary>
internal sealed class TcpListening(Socket socket, TcpOptions options, ClosingSockets closing) : Listener, ISocketOwner
{
    private bool _isDisposed;

    public override string Address { get; } = socket.LocalEndPoint!.ToString()!;

    Socket? ISocketOwner.Socket => _isDisposed ? null : socket;

    public override bool TryAccept([NotNullWhen(true)] out Connection? connection)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        connection = null;

        // Accept throws when nothing waits: asking first costs a system call, not an exception.
        while (socket.Poll(0, SelectMode.SelectRead))
        {
            Socket? accepted = null;
            try
            {
                accepted = socket.Accept();
                connection = new TcpConnection(accepted, (IPEndPoint)accepted.RemoteEndPoint!, options, closing);
                return true;
            }
            catch (SocketException e)
            {
                accepted?.Dispose();
                if (accepted is null && !IsGoneAgain(e.SocketErrorCode))
                {
                    // Out of file descriptors, for one: the peer waits in the backlog until some are free.
                    return false;
                }
            }
        }

        return false;
    }

    public override void Dispose()
    {
        _isDisposed = true;
        socket.Dispose();
    }

    private static bool IsGoneAgain(SocketError error) =>
        SocketErrors.IsWouldBlock(error) || error is SocketError.ConnectionAborted or SocketError.ConnectionReset;
}
