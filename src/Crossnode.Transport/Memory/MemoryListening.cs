using System.Diagnostics.CodeAnalysis;

namespace Crossnode.Transport;

/// <summary>A queue of connections to be accepted.</summary>
internal sealed class MemoryListening(MemoryTransport transport, int port, string address) : Listener, IMemoryPollable
{
    private const int Backlog = 512;
    private readonly Lock _gate = new();
    private readonly Queue<MemoryConnection> _waiting = [];
    private volatile MemoryPoller? _poller;
    private bool _isDisposed;

    public override string Address => address;

    bool IMemoryPollable.IsGone => _isDisposed;

    bool IMemoryPollable.IsReady
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count > 0;
            }
        }
    }

    public override bool TryAccept([NotNullWhen(true)] out Connection? connection)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var isThere = _waiting.TryDequeue(out var next);
            connection = next;
            return isThere;
        }
    }

    public override void Dispose()
    {
        transport.Forget(port);
        lock (_gate)
        {
            _isDisposed = true;
            while (_waiting.TryDequeue(out var connection))
            {
                connection.Abort();
            }
        }
    }

    internal bool TryOffer(MemoryConnection connection)
    {
        lock (_gate)
        {
            if (_isDisposed || _waiting.Count == Backlog)
            {
                return false;
            }

            _waiting.Enqueue(connection);
        }

        _poller?.Signal();
        return true;
    }

    internal void SetWatch(MemoryPoller poller) => _poller = poller;

    void IMemoryPollable.Forget(MemoryPoller poller)
    {
        if (_poller == poller)
        {
            _poller = null;
        }
    }
}
