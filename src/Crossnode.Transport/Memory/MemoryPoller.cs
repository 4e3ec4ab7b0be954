namespace Crossnode.Transport;

/// <summary>Something that a poller in memory can watch.</summary>
internal interface IMemoryPollable
{
    /// <summary>Nothing is left to wait for.</summary>
    bool IsGone { get; }

    /// <summary>What is watched for can be done now.</summary>
    bool IsReady { get; }

    /// <summary>Stops telling this poller.</summary>
    void Forget(MemoryPoller poller);
}

/// <summary>Looks at everything that is watched, then waits for a signal that something has changed.</summary>
internal sealed class MemoryPoller : Poller
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private readonly object _gate = new();
    private readonly List<IMemoryPollable> _watched = [];
    private bool _isSignalled;
    private bool _isWoken;

    public override void Watch(Connection connection, bool read, bool write)
    {
        var own = Own<MemoryConnection>(connection);
        if (own is IMemoryPollable { IsGone: true } || (!read && !write))
        {
            Unwatch(own);
            return;
        }

        own.SetWatch(this, read, write);
        Add(own);
    }

    public override void Watch(Listener listener)
    {
        var own = Own<MemoryListening>(listener);
        own.SetWatch(this);
        Add(own);
    }

    public override void Watch(PendingConnect pending) => Add(Own<MemoryConnecting>(pending));

    public override void Unwatch(object pollable)
    {
        if (pollable is IMemoryPollable own && _watched.Remove(own))
        {
            own.Forget(this);
        }
    }

    public override void Wait(TimeSpan timeout)
    {
        bool isWoken;
        lock (_gate)
        {
            // From here on a change signals; those before are seen by looking.
            _isSignalled = false;
            isWoken = _isWoken;
            _isWoken = false;
        }

        if (isWoken || IsAnyReady() || timeout <= TimeSpan.Zero)
        {
            return;
        }

        var limit = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Min(timeout.TotalMilliseconds, LongestWait.TotalMilliseconds)));
        lock (_gate)
        {
            if (!_isSignalled && !_isWoken)
            {
                Monitor.Wait(_gate, limit);
            }

            _isWoken = false;
        }
    }

    public override bool IsReady(Connection connection) => connection is not IMemoryPollable own || own.IsReady;

    public override void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            Monitor.Pulse(_gate);
        }
    }

    public override void Dispose()
    {
        foreach (var pollable in _watched)
        {
            pollable.Forget(this);
        }

        _watched.Clear();
    }

    internal void Signal()
    {
        lock (_gate)
        {
            if (!_isSignalled)
            {
                _isSignalled = true;
                Monitor.Pulse(_gate);
            }
        }
    }

    private static T Own<T>(object pollable)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(pollable);
        return pollable as T ?? throw new ArgumentException("this poller watches only what its own transport made", nameof(pollable));
    }

    private void Add(IMemoryPollable pollable)
    {
        if (!_watched.Contains(pollable))
        {
            _watched.Add(pollable);
        }
    }

    private bool IsAnyReady()
    {
        var isAny = false;
        for (var i = _watched.Count - 1; i >= 0; i--)
        {
            if (_watched[i].IsGone)
            {
                _watched[i].Forget(this);
                _watched.RemoveAt(i);
            }
            else
            {
                isAny |= _watched[i].IsReady;
            }
        }

        return isAny;
    }
}
