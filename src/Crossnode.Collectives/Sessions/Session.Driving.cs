using Crossnode.Collectives.Engine;

namespace Crossnode.Collectives.Sessions;

/// <summary>Who moves bytes, and when to block.</summary>
public sealed partial class Session
{
    // An answer that comes at once comes within this time; yielding costs a system call.
    private static readonly TimeSpan PoliteAfter = TimeSpan.FromMicroseconds(10);

    // Called with the lock held; releases it only to wait.
    private void DriveUntilDone(EngineOperation operation)
    {
        while (operation.Outcome is null)
        {
            ThrowIfBroken();
            if (_callerDrives)
            {
                Monitor.Wait(_gate, TickInterval);
                continue;
            }

            _callerDrives = true;
            try
            {
                DriveAsCaller(operation);
            }
            finally
            {
                _callerDrives = false;
                _callerSeen = Now;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private void DriveAsCaller(EngineOperation operation)
    {
        var spinUntil = Now + _options.SpinTime;
        while (operation.Outcome is null && !_stopping)
        {
            var moved = Guarded();
            if (operation.Outcome is not null || _broken is not null)
            {
                return;
            }

            if (Volatile.Read(ref _entering) > 0)
            {
                LetOthersIn();
            }

            var now = Now;
            if (moved)
            {
                spinUntil = now + _options.SpinTime;
            }
            else if (now > spinUntil)
            {
                WaitForBytes(_callerPoller, _callerWatches);
                spinUntil = Now + _options.SpinTime;
            }
            else if (spinUntil - now < _options.SpinTime - PoliteAfter)
            {
                // Where there are more members than cores, the one that is waited for may need this one.
                Thread.Yield();
            }
            else
            {
                // The other member may run on the other half of this core.
                Thread.SpinWait(1);
            }
        }
    }

    // A large operation may keep the lock for as long as bytes move; others are let in to call theirs, or to cancel.
    private void LetOthersIn()
    {
        Monitor.Exit(_gate);
        Thread.Yield();
        Monitor.Enter(_gate);
    }

    private void Background()
    {
        while (!Volatile.Read(ref _stopping))
        {
            // A caller that drives does all there is to do, so nobody disturbs it, not even by asking for the lock.
            var waits = Volatile.Read(ref _callerDrives);
            if (!waits)
            {
                lock (_gate)
                {
                    if (_stopping)
                    {
                        return;
                    }

                    var moved = Guarded();
                    if (_broken is not null)
                    {
                        return;
                    }

                    waits = _callerDrives || (_waitingAsync == 0 && Now - _callerSeen < 10 * LookIn);
                    if (!waits && !moved)
                    {
                        WaitForBytes(_backgroundPoller, _backgroundWatches);
                    }
                }
            }

            if (waits)
            {
                _backgroundTurn.WaitOne(LookIn);
            }
        }
    }

    // For whatever no caller waits for: operations that were only started, leaving, notes.
    private void WakeBackground()
    {
        try
        {
            _backgroundTurn.Set();
        }
        catch (ObjectDisposedException)
        {
            // A cancellation that came while the session ended.
        }

        _backgroundPoller.Wake();
    }

    private bool Guarded()
    {
        try
        {
            return DriveOnce();
        }
        catch (Exception bug)
        {
            Break(bug);
            return true;
        }
    }

    // A bug must not leave callers waiting for ever: the first one is kept, shown to every caller, and ends the session.
    private void Break(Exception bug)
    {
        _broken ??= bug;
        if (_engine.EndReason is null)
        {
            _engine.Abandon($"the session broke: {bug.Message}");
        }

        Monitor.PulseAll(_gate);
    }

    private void WaitForBytes(Transport.Poller poller, WatchSet watches)
    {
        try
        {
            watches.Update(this, poller);
            var timeout = _nextTick - Now;
            Monitor.Exit(_gate);
            try
            {
                poller.Wait(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero);
            }
            finally
            {
                Monitor.Enter(_gate);
                _nextRare = TimeSpan.Zero;
            }
        }
        catch (Exception bug)
        {
            Break(bug);
        }
    }

    private bool DriveOnce()
    {
        var now = Now;
        var moved = false;
        if (now >= _nextTick)
        {
            _nextTick = now + TickInterval;
            _engine.Tick(now);
        }

        for (var rank = 0; rank < _links.Length; rank++)
        {
            moved |= DriveLink(now, rank);
        }

        if (now >= _nextRare)
        {
            _nextRare = now + RareInterval;
            moved |= DriveRare(now);
        }

        return moved;
    }
}
