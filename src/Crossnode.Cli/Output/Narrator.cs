using System.Globalization;

namespace Crossnode.Cli.Output;

/// <summary>Tells people what happens, line by line, and never lets them wait long for a sign of life.</summary>
internal sealed class Narrator : IDisposable
{
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(3.5);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(0.5);

    private readonly Action<string> _write;
    private readonly ProgramClock _clock;
    private readonly Func<string> _status;
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private TimeSpan _spokeAt;
    private bool _isOver;

    /// <param name="write">Gets whole lines, one at a time.</param>
    /// <param name="status">What goes on now, for times when nothing happens; called with no lock held.</param>
    /// <param name="clock">Lines carry the time since the program's start.</param>
    public Narrator(Action<string> write, Func<string> status, ProgramClock clock)
    {
        _write = write;
        _status = status;
        _clock = clock;
        _timer = clock.Time.CreateTimer(_ => BreakSilence(), null, LookInterval, LookInterval);
    }

    /// <summary>Says one sentence, or several lines that belong together.</summary>
    public void Say(string text)
    {
        lock (_gate)
        {
            SayLocked(text);
        }
    }

    /// <summary>Ends it: what is said from now on is not written, so that a last sentence stays the last.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
        }
        _timer.Dispose();
    }

    private void SayLocked(string text)
    {
        if (_isOver)
        {
            return;
        }
        _spokeAt = _clock.Elapsed;
        _write(string.Create(CultureInfo.InvariantCulture, $"[{_spokeAt.TotalSeconds,6:0.0} s] {text}"));
    }

    // The status is asked for outside the lock: it takes locks of its own, whose holders may be about to speak.
    private void BreakSilence()
    {
        lock (_gate)
        {
            if (_clock.Elapsed - _spokeAt < LongestSilence)
            {
                return;
            }
        }
        if (_status() is { Length: > 0 } status)
        {
            lock (_gate)
            {
                if (_clock.Elapsed - _spokeAt >= LongestSilence)
                {
                    SayLocked(status);
                }
            }
        }
    }
}
