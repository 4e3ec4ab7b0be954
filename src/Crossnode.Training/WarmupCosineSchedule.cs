namespace Crossnode.Training;

/// <summary>A learning rate that rises linearly, then falls along half a cosine, then stays.</summary>
public sealed record WarmupCosineSchedule
{
    /// <summary>The highest rate.</summary>
    public required double Peak { get; init; }

    /// <summary>The rate from <see cref="TotalSteps"/> on.</summary>
    /// <value>A tenth of the peak is usual; 0 by default.</value>
    public double Floor { get; init; }

    /// <summary>The steps until the peak.</summary>
    public long WarmupSteps { get; init; }

    /// <summary>The steps until the floor; at least <see cref="WarmupSteps"/>.</summary>
    public required long TotalSteps { get; init; }

    /// <summary>The rate for a step, from 0. The first one is never 0, so that no step is wasted.</summary>
    /// <exception cref="InvalidOperationException">The schedule's own numbers contradict one another.</exception>
    public double At(long step)
    {
        if (TotalSteps < WarmupSteps || WarmupSteps < 0 || Floor > Peak || !double.IsFinite(Peak))
        {
            throw new InvalidOperationException(
                $"a schedule needs 0 <= warm-up ({WarmupSteps}) <= total ({TotalSteps}) and floor ({Floor}) <= peak ({Peak})");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (step < WarmupSteps)
        {
            return Peak * (step + 1) / WarmupSteps;
        }

        if (step >= TotalSteps)
        {
            return Floor;
        }

        var progress = (double)(step - WarmupSteps) / (TotalSteps - WarmupSteps);
        return Floor + ((Peak - Floor) * 0.5 * (1 + Math.Cos(Math.PI * progress)));
    }
}
