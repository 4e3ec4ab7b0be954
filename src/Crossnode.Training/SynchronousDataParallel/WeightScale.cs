namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Turns sample counts into weights whose sum is at most about 1, exactly.</summary>
/// <remarks>
/// The factor is a power of two, so nothing is rounded. It follows from the last committed step's total, which all members
/// know, and a step that is tried again keeps it.
/// </remarks>
internal sealed class WeightScale(long expectedTotal)
{
    // Weights travel as multiples of 2^-32.
    private const int LargestExponent = 32;

    private int _exponent = ExponentFor(expectedTotal);

    /// <summary>A member's weight.</summary>
    public double Weight(long samples) => Math.ScaleB(samples, -_exponent);

    /// <summary>The samples behind a sum of weights.</summary>
    public long Samples(double totalWeight) => (long)Math.Round(Math.ScaleB(totalWeight, _exponent));

    /// <summary>Follows the total of a committed step.</summary>
    public void Follow(long totalSamples) => _exponent = ExponentFor(totalSamples);

    private static int ExponentFor(long total) =>
        total <= 1 ? 0 : Math.Min(LargestExponent, 64 - (int)long.LeadingZeroCount(total - 1));
}
