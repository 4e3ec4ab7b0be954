namespace Crossnode.Transport;

/// <summary>One end of two pipes.</summary>
internal sealed class MemoryConnection : Connection, IMemoryPollable
{
    private readonly MemoryPipe _incoming;
    private readonly MemoryPipe _outgoing;
    private MemoryConnection _peer = null!;
    private volatile MemoryPoller? _poller;
    private volatile bool _watchesRead;
    private volatile bool _watchesWrite;
    private volatile bool _isDisposed;
    private IoStatus? _receiveEnd;

    private MemoryConnection(MemoryPipe incoming, MemoryPipe outgoing, string remote)
    {
        _incoming = incoming;
        _outgoing = outgoing;
        Remote = remote;
    }

    public override string Remote { get; }

    bool IMemoryPollable.IsGone => _isDisposed;

    bool IMemoryPollable.IsReady =>
        (_watchesRead && (_receiveEnd is not null || _incoming.CanRead)) || (_watchesWrite && _outgoing.CanWrite);

    public static (MemoryConnection Near, MemoryConnection Far) CreatePair(int capacityBytes, string nearRemote, string farRemote)
    {
        var (forth, back) = (new MemoryPipe(capacityBytes), new MemoryPipe(capacityBytes));
        var near = new MemoryConnection(back, forth, nearRemote);
        var far = new MemoryConnection(forth, back, farRemote) { _peer = near };
        near._peer = far;
        return (near, far);
    }

    public override IoStatus TrySend(ReadOnlySpan<byte> bytes, out int sent)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        sent = 0;
        if (_outgoing.IsBroken || (_outgoing.IsReaderGone && _receiveEnd is not null))
        {
            Failure ??= _outgoing.IsBroken ? $"connection reset by {Remote}" : $"connection closed by {Remote}";
            return IoStatus.Failed;
        }

        if (_outgoing.IsReaderGone)
        {
            // As with TCP, bytes sent before the peer's end has been read go nowhere and are no error.
            sent = bytes.Length;
        }
        else
        {
            sent = _outgoing.Write(bytes);
            if (sent == 0 && !bytes.IsEmpty)
            {
                return IoStatus.WouldBlock;
            }

            _peer.Notify(isReadable: true);
        }

        BytesSent += sent;
        return IoStatus.Done;
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

        var status = _incoming.Read(buffer, out received);
        if (status == IoStatus.Done)
        {
            BytesReceived += received;
            _peer.Notify(isReadable: false);
        }
        else if (status != IoStatus.WouldBlock)
        {
            if (status == IoStatus.Failed)
            {
                Failure ??= $"connection reset by {Remote}";
            }

            _receiveEnd = status;
        }

        return status;
    }

    public override void Abort()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            BreakBothWays();
        }
    }

    public override void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _outgoing.End();
            _incoming.LeaveReader();
            NotifyBothEnds();
        }
    }

    internal void BreakBothWays()
    {
        _incoming.Break();
        _outgoing.Break();
        NotifyBothEnds();
    }

    internal void SetCut(bool isCut)
    {
        _incoming.SetCut(isCut);
        _outgoing.SetCut(isCut);
        NotifyBothEnds();
    }

    internal void SetWatch(MemoryPoller? poller, bool read, bool write)
    {
        _watchesRead = read;
        _watchesWrite = write;
        _poller = poller;
    }

    void IMemoryPollable.Forget(MemoryPoller poller)
    {
        if (_poller == poller)
        {
            SetWatch(null, false, false);
        }
    }

    private void NotifyBothEnds()
    {
        Notify(isReadable: true);
        Notify(isReadable: false);
        _peer.Notify(isReadable: true);
        _peer.Notify(isReadable: false);
    }

    private void Notify(bool isReadable)
    {
        // The change must be visible before the poller is looked for: the waiting side does it the other way round.
        Interlocked.MemoryBarrier();
        if (_poller is { } poller && (isReadable ? _watchesRead : _watchesWrite))
        {
            poller.Signal();
        }
    }
}
