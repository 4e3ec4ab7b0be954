using System.Net;
using System.Net.Sockets;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Transport;

/// <summary>TCP over IPv4 and IPv6, without Nagle's delay. Addresses are numbers, or localhost; names are not looked up.</summary>
public sealed class TcpTransport(TcpOptions? options = null) : ITransport
{
    // Members of a view dial one another at the same moment.
    private const int Backlog = 512;

    private readonly TcpOptions _options = options ?? new TcpOptions();
    private readonly ClosingSockets _closing = new();

    /// <inheritdoc />
    public Listener Listen(string host, int port)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (port is < 0 or > ushort.MaxValue)
        {
            throw new InputException($"{port} is no port: give a number from 1 to 65535, or 0 to have a free one picked");
        }

        var endpoint = new IPEndPoint(ParseHost(host), port);
        if (!_options.AllowNonLoopback && !Endpoints.IsLoopback(endpoint))
        {
            throw new InputException(
                $"cannot listen on {endpoint}: other machines could reach it, and links are not authenticated yet; "
                + "use 127.0.0.1 or ::1, or pass --insecure on a network that you trust");
        }

        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            SocketTuning.SetBuffers(socket, _options);
            socket.Bind(endpoint);
            socket.Listen(Backlog);
            socket.Blocking = false;
            return new TcpListening(socket, _options, _closing);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new InputException(SocketErrors.DescribeListen(e.SocketErrorCode, endpoint), e);
        }
    }

    /// <inheritdoc />
    public PendingConnect Connect(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        const string Localhost = "localhost:";
        var text = address.StartsWith(Localhost, StringComparison.OrdinalIgnoreCase)
            ? string.Concat("127.0.0.1:", address.AsSpan(Localhost.Length))
            : address;
        if (!Endpoints.TryParse(text, out var endpoint) || endpoint.Port == 0)
        {
            throw new InputException($"'{address}' is no address to connect to: write 127.0.0.1:5000 or [::1]:5000");
        }

        return new TcpConnecting(endpoint, _options, _closing);
    }

    /// <inheritdoc />
    public Poller CreatePoller() => new SocketPoller(_options.UseSelect ? new SelectWait() : ReadinessWaits.ForThisSystem());

    /// <summary>Ends when the connections disposed so far are closed: their peers have ended too, or the drain time is up.</summary>
    /// <remarks>For a process about to exit: its end closes sockets at once, and the last bytes may then be lost.</remarks>
    public Task WhenClosed() => _closing.WhenClosed();

    private static IPAddress ParseHost(string host)
    {
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return IPAddress.Loopback;
        }

        return IPAddress.TryParse(host, out var parsed)
            ? parsed
            : throw new InputException($"'{host}' is no address to listen on: give the address as numbers, such as 127.0.0.1 or ::1");
    }
}
