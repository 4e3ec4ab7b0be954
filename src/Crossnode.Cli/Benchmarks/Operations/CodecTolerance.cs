using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>How far a sum of what ranks bring may be from the exact one: Relative times that, and Absolute.</summary>
/// <remarks>
/// Whatever the algorithm, at most as many encodings as there are members lie one behind another: each of partial sums, whose
/// values are no smaller than 0 and, as a whole, no greater and no farther apart than those of the sum of all. What one
/// encoding loses is said in the remarks on Codecs in Crossnode.Numerics.
/// </remarks>
internal readonly record struct CodecTolerance(double Relative, double Absolute)
{
    // Halves of the last place of 11, 8 and 24 bits.
    private const double Float16Loss = 1.0 / (1 << 11);
    private const double BFloat16Loss = 1.0 / (1 << 8);
    private const double Float32Loss = 1.0 / (1 << 24);

    private const double E3M0Loss = 1.0 / 3;
    private const double E3M0LeastScale = 1.0 / 128;
    private const double Int8Loss = (0.5 + (1.0 / (1 << 11))) / 255;

    /// <summary>Of a codec in a sum over all ranks of a world.</summary>
    public static CodecTolerance Of(Codec codec, int world)
    {
        var sum = Stretch.Sum(world, count: 1);
        double range = sum.At(Pattern.Period - 1, Pattern.Period) - sum.At(0, Pattern.Period);
        double greatest = sum.At(Pattern.Period - 1, Pattern.Period);
        var ofSums = Compound(4 * Float32Loss, world);
        return codec switch
        {
            Codec.Float16 => new(Compound(Float16Loss + (4 * Float32Loss), world), 0),
            Codec.BFloat16 => new(Compound(BFloat16Loss + (4 * Float32Loss), world), 0),
            Codec.Int8 => new(ofSums, world * ((Int8Loss * range) + (4 * Float32Loss * greatest))),

            // Decoded magnitudes never exceed the scale.
            Codec.E3M0 => new(
                Compound(E3M0Loss + (4 * Float32Loss), world),
                Math.Min(greatest, (1 + Compound(E3M0Loss, world)) * world * E3M0LeastScale * greatest)),

            // All are positive, so each becomes the mean, which lies between the least and the greatest of its block.
            Codec.Sign => new(ofSums, range),
            _ => default,
        };
    }

    /// <summary>Whether memory holds something so near these stretches, one after another. What is no number is not.</summary>
    public unsafe bool Holds(float* memory, IReadOnlyList<Stretch> stretches)
    {
        foreach (var stretch in stretches)
        {
            for (long at = 0; at < stretch.Count; at++)
            {
                double exact = stretch.At(stretch.Start + at, Pattern.Period);
                if (!(Math.Abs(*memory++ - exact) <= (Relative * exact) + Absolute))
                {
                    return false;
                }
            }
        }
        return true;
    }

    private static double Compound(double loss, int times) => Math.Pow(1 + loss, times) - 1;
}
