using System.Globalization;
using System.Net.Sockets;
using Crossnode.Core.Errors;

namespace Crossnode.Transport;

/// <summary>Links between processes of one user on one Linux machine, through memory that both map. Addresses are shm:NAME.</summary>
/// <remarks>
/// A name is a Unix socket in the abstract namespace: seen by the processes of one network namespace, and gone with the
/// process that listens. The memory is a file in /dev/shm that has a name only while a connection is being opened. Where
/// any of it is not to be had, an attempt fails at once with the reason, so that the caller can fall back to TCP. A process
/// of the same user is trusted not to end this one: it could do so anyhow.
/// </remarks>
public sealed class SharedMemoryTransport : ITransport
{
    /// <summary>What addresses begin with.</summary>
    public const string Scheme = "shm:";

    /// <summary>How long a name may be.</summary>
    public const int LongestName = 80;

    // Members of a view dial one another at the same moment.
    private const int Backlog = 512;
    private const int TriesForAName = 16;

    private readonly SharedMemoryOptions _options;

    /// <summary>Makes connections as the options say.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The ring size is none.</exception>
    public SharedMemoryTransport(SharedMemoryOptions? options = null)
    {
        _options = options ?? new SharedMemoryOptions();
        if (!SharedMemoryLayout.IsRingSize(_options.RingBytes))
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), _options.RingBytes, "a ring's size is a power of two from a page to 256 MiB");
        }
    }

    /// <summary>Why this machine cannot share memory; null when it can, as far as can be told without trying.</summary>
    public string? WhyUnavailable =>
        !OperatingSystem.IsLinux() ? "shared memory links need Linux"
        : !BitConverter.IsLittleEndian || !Environment.Is64BitProcess ? "shared memory links need a 64-bit little-endian process"
        : !Libc.IsThere ? "the C library lacks calls that shared memory links need"
        : !Directory.Exists(_options.Directory) ? $"there is no {_options.Directory}"
        : null;

    /// <summary>Starts listening under a name, which peers pass to <see cref="Connect"/> behind <see cref="Scheme"/>.</summary>
    /// <exception cref="InputException">The name is taken or cannot be used, or memory cannot be shared here.</exception>
    public Listener Listen(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var address = Scheme + name;
        if (!IsName(name))
        {
            throw new InputException($"'{name}' is no name to listen on: give 1 to 80 characters of ASCII without spaces");
        }

        if (WhyUnavailable is { } why)
        {
            throw new InputException($"cannot listen on {address}: {why}");
        }

        SharedMemoryFile.Sweep(_options.Directory);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(EndPoint(name));
            socket.Listen(Backlog);
            socket.Blocking = false;
            return new SharedMemoryListening(socket, address, _options);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new InputException(
                e.SocketErrorCode == SocketError.AddressAlreadyInUse
                    ? $"cannot listen on {address}: another process has that name; choose another one"
                    : $"cannot listen on {address}: {e.Message}",
                e);
        }
    }

    /// <inheritdoc />
    /// <remarks>The name is HOST:PORT, whatever they say; port 0 draws one.</remarks>
    public Listener Listen(string host, int port)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        for (var tries = TriesForAName; port == 0; tries--)
        {
            try
            {
                return Listen(Name(host, (int)(_options.Random.NextUInt64() >> 34) + 1));
            }
            catch (InputException e) when (tries > 0 && e.InnerException is SocketException)
            {
                // Taken: another draw.
            }
        }

        return Listen(Name(host, port));
    }

    /// <inheritdoc />
    /// <remarks>The other process takes part: the attempt is pending until its listener is asked to accept.</remarks>
    public PendingConnect Connect(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var name = address.StartsWith(Scheme, StringComparison.Ordinal) ? address[Scheme.Length..] : "";
        if (!IsName(name))
        {
            throw new InputException($"'{address}' is no address in shared memory: write {Scheme}NAME");
        }

        if (WhyUnavailable is { } why)
        {
            return new SharedMemoryConnecting(address, $"cannot connect to {address}: {why}");
        }

        SharedMemoryFile.Sweep(_options.Directory);
        return new SharedMemoryConnecting(address, EndPoint(name), _options);
    }

    /// <inheritdoc />
    /// <remarks>It also watches what <see cref="TcpTransport"/> makes, and the other way round.</remarks>
    public Poller CreatePoller() => new SocketPoller(ReadinessWaits.ForThisSystem());

    private static string Name(string host, int port) => string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");

    // A leading zero byte makes the name abstract: no file comes to be.
    private static UnixDomainSocketEndPoint EndPoint(string name) => new("\0crossnode/" + name);

    private static bool IsName(string name) =>
        name.Length is > 0 and <= LongestName && name.All(c => c is > ' ' and < '\x7F');
}
