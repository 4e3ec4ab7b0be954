using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Core;
using Crossnode.Numerics;

namespace Crossnode.Cli.Tests.Benchmarks;

[Trait("tier", "unit")]
public sealed unsafe class CodecToleranceTests
{
    private const int Count = 4_000;

    [Theory]
    [InlineData(Codec.Float16, 2)]
    [InlineData(Codec.Float16, 5)]
    [InlineData(Codec.BFloat16, 5)]
    [InlineData(Codec.Int8, 2)]
    [InlineData(Codec.Int8, 5)]
    [InlineData(Codec.E3M0, 2)]
    [InlineData(Codec.E3M0, 5)]
    [InlineData(Codec.Sign, 2)]
    [InlineData(Codec.Sign, 5)]
    public void Sum_that_is_encoded_after_every_rank_is_near_enough(Codec codec, int world)
    {
        var sum = Brought(0);
        for (var rank = 1; rank < world; rank++)
        {
            Lose(codec, sum);
            sum = [.. sum.Zip(Brought(rank), (a, b) => a + b)];
        }
        Lose(codec, sum);
        Assert.True(Holds(codec, world, sum));
    }

    [Theory]
    [InlineData(Codec.Float16, 4)]
    [InlineData(Codec.BFloat16, 8)]
    [InlineData(Codec.Int8, 4)]
    [InlineData(Codec.E3M0, 900)]
    [InlineData(Codec.Sign, 600)]
    public void Element_that_is_too_far_off_or_no_number_is_found(Codec codec, float off)
    {
        var sum = (float[])[.. Brought(0).Zip(Brought(1), (a, b) => a + b)];
        Assert.True(Holds(codec, world: 2, sum));
        foreach (var wrong in (float[])[sum[^1] + off, float.NaN, float.PositiveInfinity])
        {
            Assert.False(Holds(codec, world: 2, [.. sum[..^1], wrong]));
        }
    }

    private static float[] Brought(int rank)
    {
        var values = new float[Count];
        fixed (float* start = values)
        {
            Pattern.Fill((byte*)start, ElementType.Float32, [Stretch.Of(rank, Count)]);
        }
        return values;
    }

    private static void Lose(Codec codec, float[] values)
    {
        var encoded = new byte[Codecs.EncodedBytes(codec, ElementType.Float32, Count)];
        fixed (float* start = values)
        {
            fixed (byte* bytes = encoded)
            {
                Codecs.Encode(codec, ElementType.Float32, bytes, start, Count);
                Codecs.Decode(codec, ElementType.Float32, start, bytes, Count);
            }
        }
    }

    private static bool Holds(Codec codec, int world, float[] values)
    {
        fixed (float* start = values)
        {
            return CodecTolerance.Of(codec, world).Holds(start, [Stretch.Sum(world, Count)]);
        }
    }
}
