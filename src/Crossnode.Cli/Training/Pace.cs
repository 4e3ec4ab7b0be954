namespace Crossnode.Cli.Training;

/// <summary>Bytes of text a second, as one worker counts them from one exchange to the next.</summary>
/// <remarks>
/// A single step without an exchange tells nothing: whoever has less to learn than others is done with it sooner, and waits for
/// them at the exchange.
/// </remarks>
internal readonly record struct Pace
{
    // The newest step counts this much.
    private const double StepShare = 0.1;

    private readonly double _rate;
    private readonly long _bytes;
    private readonly double _seconds;
    private readonly int _steps;

    private Pace(double rate, long bytes, double seconds, int steps) =>
        (_rate, _bytes, _seconds, _steps) = (rate, bytes, seconds, steps);

    /// <summary>An average over the last steps; before the first exchange, over all.</summary>
    public double BytesPerSecond => _rate > 0 ? _rate : _seconds > 0 ? _bytes / _seconds : 0;

    /// <summary>Counts one more step.</summary>
    public Pace Plus(long bytes, double seconds, bool exchanged)
    {
        var open = new Pace(_rate, _bytes + bytes, _seconds + seconds, _steps + 1);
        if (!exchanged || open._seconds <= 0)
        {
            return open;
        }
        var newest = open._bytes / open._seconds;
        var kept = Math.Pow(1 - StepShare, open._steps);
        return new Pace(_rate > 0 ? (kept * _rate) + ((1 - kept) * newest) : newest, 0, 0, 0);
    }
}
