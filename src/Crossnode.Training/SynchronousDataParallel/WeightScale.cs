using Crossnode.Core.Errors;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Turns sample counts into weights whose sum is at most about 1, exactly.</summary>
/// <remarks>
/// The factor is a power of two, so nothing is rounded. It follows from the last applied step's total, which all members
/// know, and a step that is tried again keeps it.
/// </remarks>
internal sealed class WeightScale(long expectedTotal) : StrategyState
{
    private const byte Version = 1;

    // Weights travel as multiples of 2^-32.
    private const int LargestExponent = 32;

    private int _exponent = ExponentFor(expectedTotal);

    /// <summary>A member's weight.</summary>
    public double Weight(long samples) => Math.ScaleB(samples, -_exponent);

    /// <summary>The samples behind a sum of weights.</summary>
    public long Samples(double totalWeight) => (long)Math.Round(Math.ScaleB(totalWeight, _exponent));

    /// <summary>Follows the total of a committed step.</summary>
    public void Follow(long totalSamples) => _exponent = ExponentFor(totalSamples);

    /// <inheritdoc />
    public override byte[] Save() => [Version, (byte)_exponent];

    /// <inheritdoc />
    public override void Load(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 2 || bytes[0] != Version || bytes[1] > LargestExponent)
        {
            throw new InputException(
                "the state is not one of data-parallel training that this version reads: use the strategy and the program that "
                + "wrote it");
        }

        _exponent = bytes[1];
    }

    private static int ExponentFor(long total) =>
        total <= 1 ? 0 : Math.Min(LargestExponent, 64 - (int)long.LeadingZeroCount(total - 1));
}
