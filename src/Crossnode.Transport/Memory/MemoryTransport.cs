using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Crossnode.Core.Errors;

namespace Crossnode.Transport;

/// <summary>Connections inside one process, with the rules of TCP; each instance is a network of its own.</summary>
/// <remarks>Any thread may listen and connect; each end of a connection may be used by another thread.</remarks>
/// <param name="capacityBytes">What each direction of a connection holds, rounded up to a power of two.</param>
public sealed class MemoryTransport(int capacityBytes = MemoryTransport.DefaultCapacityBytes) : ITransport
{
    /// <summary>What each direction holds unless told otherwise.</summary>
    public const int DefaultCapacityBytes = 256 * 1024;

    private const string Scheme = "memory:";
    private readonly Lock _gate = new();
    private readonly Dictionary<int, MemoryListening> _listeners = [];
    private int _lastPort;
    private int _lastConnection;

    /// <inheritdoc />
    /// <remarks>The host does not matter; the address is memory:PORT.</remarks>
    public Listener Listen(string host, int port)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        lock (_gate)
        {
            while (port == 0)
            {
                port = _listeners.ContainsKey(++_lastPort) ? 0 : _lastPort;
            }

            if (_listeners.ContainsKey(port))
            {
                throw new InputException(
                    $"cannot listen on {Scheme}{port}: it is taken; choose another port, or 0 to have a free one picked");
            }

            var listening = new MemoryListening(this, port, Name(port));
            _listeners.Add(port, listening);
            return listening;
        }
    }

    /// <inheritdoc />
    public PendingConnect Connect(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!TryParse(address, out var port))
        {
            throw new InputException($"'{address}' is no address in memory: write {Scheme}1");
        }

        lock (_gate)
        {
            if (!_listeners.TryGetValue(port, out var listener))
            {
                return new MemoryConnecting(null, $"connection refused by {address}: nothing listens there");
            }

            var number = ++_lastConnection;
            var (near, far) = MemoryConnection.CreatePair(
                capacityBytes, Name(port), string.Create(CultureInfo.InvariantCulture, $"{Scheme}{port}#{number}"));
            return listener.TryOffer(far)
                ? new MemoryConnecting(near, null)
                : new MemoryConnecting(null, $"connection refused by {address}: too many connections wait to be accepted there");
        }
    }

    /// <inheritdoc />
    public Poller CreatePoller() => new MemoryPoller();

    /// <summary>Breaks a connection: both ends see it as failed once they have read what had arrived.</summary>
    public static void Break(Connection connection) => Own(connection).BreakBothWays();

    /// <summary>Cuts a connection without telling either end, or mends it: while it is cut nothing arrives, not even an end,
    /// and sending goes on until the ring is full.</summary>
    public static void Cut(Connection connection, bool isCut) => Own(connection).SetCut(isCut);

    internal void Forget(int port)
    {
        lock (_gate)
        {
            _listeners.Remove(port);
        }
    }

    private static string Name(int port) => Scheme + port.ToString(CultureInfo.InvariantCulture);

    private static bool TryParse(string address, out int port)
    {
        port = 0;
        return address.StartsWith(Scheme, StringComparison.Ordinal)
            && int.TryParse(address.AsSpan(Scheme.Length), NumberStyles.None, CultureInfo.InvariantCulture, out port);
    }

    private static MemoryConnection Own([NotNull] Connection? connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return connection as MemoryConnection
            ?? throw new ArgumentException("only a connection in memory can be cut or broken here", nameof(connection));
    }
}
