namespace Crossnode.Collectives.State;

/// <summary>Caps a rate: bytes become available as time passes, up to what a short moment gives.</summary>
/// <remarks>Over any second at most (1 + <see cref="BurstSeconds"/>) times the rate passes. Pure: the caller tells the time.</remarks>
public sealed class TokenBucket
{
    /// <summary>What a thread that woke late may catch up with: 40 ms keeps a second within 5 %.</summary>
    public const double BurstSeconds = 0.04;

    private readonly double _rate;
    private double _tokens;
    private TimeSpan _filled;

    /// <summary>Starts empty.</summary>
    public TokenBucket(long bytesPerSecond, TimeSpan now)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesPerSecond);
        _rate = bytesPerSecond;
        _filled = now;
        SliceBytes = (int)Math.Clamp(_rate * BurstSeconds / 8, 512, 256 << 10);
    }

    /// <summary>How much to send at a time, so that the bytes are spread evenly: 5 ms worth, 256 KiB at most.</summary>
    public int SliceBytes { get; }

    // A slice of the smallest size must fit, or nothing would ever go.
    private double Capacity => Math.Max(_rate * BurstSeconds, SliceBytes);

    /// <summary>Takes tokens if there are as many.</summary>
    public bool TryTake(TimeSpan now, int bytes)
    {
        Fill(now);
        if (_tokens < Math.Min(bytes, Capacity))
        {
            return false;
        }

        _tokens -= bytes;
        return true;
    }

    /// <summary>Takes tokens that may not be there yet: others wait the longer.</summary>
    public void Charge(TimeSpan now, int bytes)
    {
        Fill(now);
        _tokens -= bytes;
    }

    /// <summary>How long until so many tokens are there.</summary>
    public TimeSpan Until(TimeSpan now, int bytes)
    {
        Fill(now);
        var missing = Math.Min(bytes, Capacity) - _tokens;
        return missing <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(missing / _rate);
    }

    private void Fill(TimeSpan now)
    {
        if (now > _filled)
        {
            _tokens = Math.Min(Capacity, _tokens + ((now - _filled).TotalSeconds * _rate));
            _filled = now;
        }
    }
}
