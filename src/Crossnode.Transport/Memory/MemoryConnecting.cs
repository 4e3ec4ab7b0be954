namespace Crossnode.Transport;

/// <summary>An attempt whose outcome is known at once.</summary>
internal sealed class MemoryConnecting(MemoryConnection? connection, string? failure) : PendingConnect, IMemoryPollable
{
    private string? _failure = failure;
    private bool _isTaken;
    private bool _isDisposed;

    public override string? Failure => _failure;

    // Nothing in memory fails but for want of a listener.
    public override bool IsRefused => _failure is not null;

    bool IMemoryPollable.IsGone => _isTaken || _isDisposed;

    bool IMemoryPollable.IsReady => true;

    public override ConnectStatus Poll(out Connection? opened)
    {
        opened = _failure is null ? connection : null;
        _isTaken |= opened is not null;
        return opened is null ? ConnectStatus.Failed : ConnectStatus.Connected;
    }

    public override void Dispose()
    {
        if (!_isDisposed && !_isTaken && connection is not null)
        {
            connection.Dispose();
            _failure ??= $"the attempt to connect to {connection.Remote} was given up";
        }

        _isDisposed = true;
    }

    void IMemoryPollable.Forget(MemoryPoller poller)
    {
    }
}
