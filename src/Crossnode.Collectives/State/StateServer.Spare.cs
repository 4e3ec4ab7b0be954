namespace Crossnode.Collectives.State;

/// <summary>Memory for the next copy: taken from the system, and made present, while nobody waits for it.</summary>
public sealed partial class StateServer
{
    // What a caller waits for at most, when it needs the memory meanwhile.
    private const long TouchBytes = 1 << 20;

    private CopyMemory? _spare;
    private TimeSpan _spareSince;
    private long _expectedBytes;
    private long _spareWanted;

    // With the lock held.
    private void WantSpare(long bytes)
    {
        _spareSince = Now;
        _spareWanted = _spare is null || _spare.Bytes < bytes ? bytes : 0;
    }

    // On the serving thread, with the lock held. True when there is more to do.
    private bool PrepareSpare()
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

        if (_spare is null)
        {
            return false;
        }

        if (Now - _spareSince > _options.LingerTime)
        {
            _spare.Dispose();
            _spare = null;
            return false;
        }

        if (!_spare.IsPresent)
        {
            _spare.Touch(TouchBytes);
        }

        return !_spare.IsPresent;
    }

    private CopyMemory? TakeSpare(long bytes)
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
