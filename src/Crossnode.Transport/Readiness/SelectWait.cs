using System.Net;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Every other system: Socket.Select, woken by a datagram that a loopback socket sends to itself.</summary>
internal sealed class SelectWait : IReadinessWait
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(30);

    private readonly Socket _wake;
    private readonly List<Watched> _watched = [];
    private readonly List<Socket> _read = [];
    private readonly List<Socket> _write = [];
    private readonly List<Socket> _error = [];
    private readonly byte[] _drain = new byte[16];
    private int _isWoken;

    public SelectWait()
    {
        _wake = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _wake.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        // Connected to itself, so that no other process can wake it.
        _wake.Connect(_wake.LocalEndPoint!);
        _wake.Blocking = false;
    }

    public void Set(IReadOnlyList<Watched> watched)
    {
        _watched.Clear();
        _watched.AddRange(watched);
    }

    public void Wait(TimeSpan timeout)
    {
        _read.Clear();
        _write.Clear();
        _error.Clear();
        _read.Add(_wake);
        foreach (var item in _watched)
        {
            if (item.ReadsSocket)
            {
                _read.Add(item.Socket);
            }

            if (item.WritesSocket)
            {
                // Windows reports a refused connect only here.
                _write.Add(item.Socket);
                _error.Add(item.Socket);
            }
        }

        var limit = timeout < LongestWait ? timeout : LongestWait;
        try
        {
            Socket.Select(_read, _write, _error, (int)Math.Ceiling(limit.TotalMicroseconds));
        }
        catch (Exception e) when (e is ObjectDisposedException
            or SocketException { SocketErrorCode: SocketError.Interrupted or SocketError.NotSocket })
        {
            // A signal, or another thread closed one of them: the caller tries all.
            _read.Clear();
            _write.Clear();
            _error.Clear();
        }

        if (_read.Contains(_wake))
        {
            while (_wake.Receive(_drain, SocketFlags.None, out var error) >= 0 && error == SocketError.Success)
            {
            }

            Interlocked.Exchange(ref _isWoken, 0);
        }
    }

    public bool IsReady(int index)
    {
        var socket = _watched[index].Socket;
        return _read.Contains(socket) || _write.Contains(socket) || _error.Contains(socket);
    }

    public void Wake()
    {
        if (Interlocked.Exchange(ref _isWoken, 1) != 0)
        {
            return;
        }

        try
        {
            _wake.Send([1], SocketFlags.None, out _);
        }
        catch (ObjectDisposedException)
        {
            // The poller has ended: nobody waits.
        }
    }

    public void Dispose() => _wake.Dispose();
}
