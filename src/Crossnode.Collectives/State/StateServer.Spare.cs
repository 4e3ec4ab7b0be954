namespace Crossnode.Collectives.State;

/// <summary>Memory for the next copy: taken from the system, and made present, while nobody waits for it.</summary>
public sealed partial class StateServer
{
    // What a caller waits for at most, when it needs the memory meanwhile.
    private const long TouchBytes = 1 << 20;

    // Never taken while _gate is held by whoever waits for it: making memory present may take long where the system has none ready.
    private readonly Lock _touching = new();
    private int _takers;
    private CopyMemory? _spare;
    private TimeSpan _spareSince;
    private long _expectedBytes;
    private long _spareWanted;

    /// <summary>Says how large a copy would be, so that memory can be prepared when somebody is about to come.</summary>
    /// <param name="bytes">Of all tensors together.</param>
    /// <param name="tensors">How many they are.</param>
    public void Expect(long bytes, int tensors)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfNegative(tensors);
        lock (_gate)
        {
            _expectedBytes = bytes + ((long)tensors * StateVersion.Alignment);
        }
    }

    /// <summary>Somebody is about to come: gets memory for one copy ready, as <see cref="Prepare(IReadOnlyList{StateTensor})"/>.</summary>
    public void Prepare()
    {
        lock (_gate)
        {
            WantSpare(_expectedBytes);
        }

        _poller.Wake();
        _options.Expected?.Invoke();
    }

    // With the lock held.
    private void WantSpare(long bytes)
    {
        _spareSince = Now;
        _spareWanted = _spare is null || _spare.Bytes < bytes ? bytes : 0;
    }

    // On the serving thread. True when there is more to do.
    private bool PrepareSpare()
    {
        CopyMemory? spare;
        lock (_gate)
        {
            if (_spareWanted > 0)
            {
                if (_spare is null || _spare.Bytes < _spareWanted)
                {
                    _spare?.Dispose();
                    _spare = new CopyMemory(_spareWanted);
                }

                _spareWanted = 0;
            }

            if (_spare is not null && Now - _spareSince > _options.LingerTime)
            {
                _spare.Dispose();
                _spare = null;
            }

            spare = _spare;
        }

        // A lock that is let go and taken again at once is not passed on: whoever waits for it comes first.
        if (spare is null || spare.IsPresent || Volatile.Read(ref _takers) > 0)
        {
            return false;
        }

        lock (_touching)
        {
            // Whoever took it meanwhile writes into it, or has given it back.
            if (ReferenceEquals(Volatile.Read(ref _spare), spare))
            {
                spare.Touch(TouchBytes);
            }
        }

        return true;
    }

    private CopyMemory? TakeSpare(long bytes)
    {
        Interlocked.Increment(ref _takers);
        try
        {
            lock (_touching)
            {
                lock (_gate)
                {
                    _spareWanted = 0;
                    if (_spare is null || _spare.Bytes < bytes)
                    {
                        return null;
                    }

                    var spare = _spare;
                    _spare = null;
                    return spare;
                }
            }
        }
        finally
        {
            Interlocked.Decrement(ref _takers);
        }
    }

    // With the lock held.
    private void KeepSpare(CopyMemory? memory)
    {
        if (memory is null)
        {
            return;
        }

        if (_spare is null && !_stopping)
        {
            _spare = memory;
            _spareSince = Now;
        }
        else
        {
            memory.Dispose();
        }
    }
}
