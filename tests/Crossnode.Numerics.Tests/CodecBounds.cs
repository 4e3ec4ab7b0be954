using Crossnode.Core;

namespace Crossnode.Numerics.Tests;

/// <summary>What the documentation promises of a finite block.</summary>
internal static class CodecBounds
{
    /// <summary>Whether the codec writes blocks with a scale.</summary>
    public static bool HasScale(this Codec codec) => codec is Codec.Int8 or Codec.E3M0 or Codec.Sign;

    public static void AssertWithin(Codec codec, float[] block, float[] decoded)
    {
        var greatest = block.Max(x => Math.Abs((double)x));
        var range = (double)block.Max() - block.Min();
        var mean = block.Average(x => Math.Abs((double)x));
        for (var i = 0; i < block.Length; i++)
        {
            double x = block[i];
            var error = Math.Abs(x - decoded[i]);
            var bound = codec switch
            {
                Codec.Int8 => (range / 255 * (0.5 + (1.0 / 2048))) + Math.Max(greatest / (1 << 23), float.Epsilon),
                Codec.E3M0 => E3M0Bound(Math.Abs(x), greatest),
                _ => Math.Abs(Math.Abs(x) - mean) + (mean / (1 << 22)) + float.Epsilon,
            };
            Assert.True(error <= bound, $"{codec} element {i} of {block.Length}: {x:r} came back as {decoded[i]:r}");
            Assert.True(codec == Codec.Int8 || decoded[i] == 0 || x == 0 || x > 0 == decoded[i] > 0, "another sign");
        }

        if (range == 0 || (block.All(x => Math.Abs((double)x) == greatest) && codec != Codec.Int8))
        {
            Assert.All(block.Zip(decoded), pair => Assert.True(pair.First == pair.Second, "a constant changed"));
        }
    }

    private static double E3M0Bound(double magnitude, double scale) =>
        (magnitude >= scale / 64 ? magnitude / 3 : scale / 128) + (scale / (1 << 22)) + float.Epsilon;
}
