using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Connects, makes the file, says its name, and waits until the other process has it in memory.</summary>
internal sealed class SharedMemoryConnecting : PendingConnect, ISocketOwner
{
    private readonly string _address;
    private readonly byte[] _answer = new byte[SharedMemoryHello.AnswerBytes];
    private Socket? _socket;
    private SharedMemoryFile? _file;
    private SharedMemoryMap? _map;
    private SharedMemoryConnection? _connection;
    private int _peerId;
    private int _received;
    private string? _failure;
    private bool _isRefused;

    public SharedMemoryConnecting(string address, UnixDomainSocketEndPoint remote, SharedMemoryOptions options)
    {
        _address = address;
        try
        {
            _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };

            // Either done at once or refused: there is no network in between.
            _socket.Connect(remote);
            Begin(_socket, options);
        }
        catch (SocketException e)
        {
            _isRefused = e.SocketErrorCode == SocketError.ConnectionRefused;
            Fail(_isRefused ? $"connection refused by {address}: nothing listens there"
                : SocketErrors.IsWouldBlock(e.SocketErrorCode)
                    ? $"connection refused by {address}: too many connections wait to be accepted there"
                    : $"cannot connect to {address}: {e.Message}");
        }
    }

    /// <summary>An attempt that cannot be made here.</summary>
    public SharedMemoryConnecting(string address, string failure) => (_address, _failure) = (address, failure);

    public override string? Failure => _failure;

    public override bool IsRefused => _isRefused;

    Socket? ISocketOwner.Socket => _connection is null ? _socket : null;

    bool ISocketOwner.IsWokenByReading => true;

    public override ConnectStatus Poll(out Connection? connection)
    {
        while (_connection is null && _socket is not null)
        {
            var count = _socket.Receive(_answer.AsSpan(_received), SocketFlags.None, out var error);
            if (count > 0)
            {
                _received += count;
                if (_received == _answer.Length)
                {
                    Finish(_socket, _map!);
                }
            }
            else if (SocketErrors.IsWouldBlock(error))
            {
                break;
            }
            else
            {
                Fail($"{PeerCredentials.Name(_peerId)} at {_address} closed the connection without an answer");
            }
        }

        connection = _connection;
        return _connection is not null ? ConnectStatus.Connected
            : _failure is not null ? ConnectStatus.Failed
            : ConnectStatus.Pending;
    }

    public override void Dispose()
    {
        if (_connection is null)
        {
            Fail($"the attempt to connect to {_address} was given up");
        }
    }

    private void Begin(Socket socket, SharedMemoryOptions options)
    {
        if (PeerCredentials.TryReadOwn(socket, out var why) is not { } peer)
        {
            Fail($"cannot share memory with {_address}: {why}");
            return;
        }

        var layout = new SharedMemoryLayout(options.RingBytes);
        _peerId = peer.ProcessId;
        _file = SharedMemoryFile.TryCreate(options.Directory, options.Random, layout, out why);
        _map = _file is null ? null : SharedMemoryMap.TryMap(_file.Handle, layout);
        if (_file is null || _map is null)
        {
            Fail($"cannot share memory with {_address}: {why ?? "the system maps no more memory for this process"}");
            return;
        }

        Span<byte> hello = stackalloc byte[SharedMemoryHello.Bytes];
        SharedMemoryHello.Write(hello, _file.Name, layout);
        if (socket.Send(hello, SocketFlags.None, out var error) != hello.Length)
        {
            Fail($"cannot share memory with {_address}: {new SocketException((int)error).Message}");
        }
    }

    private void Finish(Socket socket, SharedMemoryMap map)
    {
        var answer = SharedMemoryHello.ReadAnswer(_answer);
        if (answer != SharedMemoryAnswer.Mapped)
        {
            Fail($"{PeerCredentials.Name(_peerId)} at {_address} shares no memory: " + answer switch
            {
                SharedMemoryAnswer.OtherVersion => "it speaks another version",
                SharedMemoryAnswer.OddFile => "it could not open the file, as when it sees another /dev/shm",
                SharedMemoryAnswer.NoMemory => "the system maps no more memory for it",
                _ => "it gave no reason",
            });
            return;
        }

        _file!.Dispose();
        _file = null;
        _connection = new SharedMemoryConnection(map, socket, _peerId, isListeningSide: false);
    }

    private void Fail(string why)
    {
        _failure ??= why;
        _socket?.Dispose();
        _socket = null;
        _file?.Dispose();
        _file = null;
        _map?.Dispose();
        _map = null;
    }
}
