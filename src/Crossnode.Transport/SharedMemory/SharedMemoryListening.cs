using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>A listening Unix socket; what it hands out is mapped on both sides.</summary>
internal sealed class SharedMemoryListening(Socket socket, string address, SharedMemoryOptions options) : Listener, ISocketOwner
{
    // A hello follows its connect at once: more than a few unfinished are no members of a run.
    private const int MostOpenings = 64;

    private readonly List<SharedMemoryAccepting> _openings = [];
    private volatile bool _hasOpenings;
    private bool _isDisposed;

    public override string Address => address;

    Socket? ISocketOwner.Socket => _isDisposed ? null : socket;

    bool ISocketOwner.NeedsAnotherLook => _hasOpenings;

    public override bool TryAccept([NotNullWhen(true)] out Connection? connection)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var ready = PollOpenings();
        while (ready is null && TryTakeSocket(out var opening))
        {
            ready = opening.Poll(options.Directory);
            Keep(opening, ready);
        }

        _hasOpenings = _openings.Count > 0;
        connection = ready;
        return ready is not null;
    }

    public override void Dispose()
    {
        _isDisposed = true;
        _openings.ForEach(opening => opening.Dispose());
        _openings.Clear();
        socket.Dispose();
    }

    private SharedMemoryConnection? PollOpenings()
    {
        SharedMemoryConnection? connection = null;
        for (var i = _openings.Count - 1; i >= 0 && connection is null; i--)
        {
            var opening = _openings[i];
            connection = opening.Poll(options.Directory);
            if (opening.IsOver || options.Time.GetElapsedTime(opening.StartedAt) > options.HandshakeTime)
            {
                _openings.RemoveAt(i);
                Drop(opening, connection);
            }
        }

        return connection;
    }

    private bool TryTakeSocket([NotNullWhen(true)] out SharedMemoryAccepting? opening)
    {
        opening = null;
        while (opening is null && socket.Poll(0, SelectMode.SelectRead))
        {
            Socket accepted;
            try
            {
                accepted = socket.Accept();
            }
            catch (SocketException)
            {
                // Out of file descriptors, for one: the peer waits in the backlog until some are free.
                return false;
            }

            accepted.Blocking = false;
            if (PeerCredentials.TryReadOwn(accepted, out _) is { } peer)
            {
                opening = new SharedMemoryAccepting(accepted, peer.ProcessId, options.Time.GetTimestamp());
            }
            else
            {
                accepted.Dispose();
            }
        }

        return opening is not null;
    }

    private void Keep(SharedMemoryAccepting opening, SharedMemoryConnection? connection)
    {
        if (opening.IsOver)
        {
            Drop(opening, connection);
            return;
        }

        if (_openings.Count == MostOpenings)
        {
            _openings[0].Dispose();
            _openings.RemoveAt(0);
        }

        _openings.Add(opening);
    }

    // The socket belongs to the connection, if there is one.
    private static void Drop(SharedMemoryAccepting opening, SharedMemoryConnection? connection)
    {
        if (connection is null)
        {
            opening.Dispose();
        }
    }
}
