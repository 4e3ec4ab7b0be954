using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

/// <summary>The vector codecs against the scalar definition, at every width, and what they promise of errors.</summary>
[Trait("tier", "property")]
public sealed unsafe class CodecTests
{
    private const int Iterations = 150;
    private static readonly int[] Widths = [128, 256, 512];

    public static TheoryData<Codec> All { get; } = new(CodecCase.All);

    public static TheoryData<Codec> Blocked { get; } = [Codec.Int8, Codec.E3M0, Codec.Sign];

    [Theory]
    [MemberData(nameof(All))]
    public void Encoding_at_every_width_gives_the_scalar_bytes(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var expected = ScalarCodecs.Encode(codec, sample.Source);
            Assert.Equal(expected.Length, Codecs.EncodedBytes(codec, ElementType.Float32, sample.Source.Length));
            foreach (var bits in Widths)
            {
                AssertSameBytes(codec, expected, sample.Encode(bits));
            }
        },
        iter: Iterations);

    [Theory]
    [MemberData(nameof(All))]
    public void Decoding_at_every_width_gives_the_scalar_bits(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var encoded = ScalarCodecs.Encode(codec, sample.Source);
            var expected = ScalarCodecs.Decode(codec, encoded, sample.Source.Length);
            foreach (var bits in Widths)
            {
                CodecCase.AssertSame(expected, sample.Decode(encoded, bits), $"{codec} at {bits} bits");
            }
        },
        iter: Iterations);

    [Theory]
    [MemberData(nameof(All))]
    public void Combining_equals_decoding_and_then_adding(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var encoded = ScalarCodecs.Encode(codec, sample.Source);
            var decoded = ScalarCodecs.Decode(codec, encoded, sample.Source.Length);
            var weight = (float)sample.Weight;
            float[] expected = [.. sample.Other.Zip(decoded, (left, x) => (float)(weight * left) + x)];
            foreach (var bits in Widths)
            {
                foreach (var inPlace in (bool[])[false, true])
                {
                    var actual = sample.DecodeCombine(encoded, bits, sample.Weight, inPlace);
                    CodecCase.AssertSame(expected, actual, inPlace ? "in place" : "apart");
                }
            }
        },
        iter: Iterations);

    [Theory]
    [MemberData(nameof(All))]
    public void Weighted_encoding_equals_scaling_and_then_encoding(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var weight = (float)sample.Weight;
            var expected = ScalarCodecs.Encode(codec, [.. sample.Source.Select(x => x * weight)]);
            Assert.All(Widths, bits => AssertSameBytes(codec, expected, sample.Encode(bits, sample.Weight)));
        },
        iter: Iterations);

    [Theory]
    [MemberData(nameof(All))]
    public void Feedback_encodes_the_sum_and_leaves_what_was_lost(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var weight = (float)sample.Weight;
            float[] sum = [.. sample.Other.Zip(sample.Source, (residual, x) => residual + (float)(weight * x))];
            var encoded = ScalarCodecs.Encode(codec, sum);
            var decoded = ScalarCodecs.Decode(codec, encoded, sum.Length);
            float[] residual =
            [
                .. Enumerable.Range(0, sum.Length).Select(
                    i => float.IsFinite(sum[i] - decoded[i]) ? sum[i] - decoded[i] : sample.Other[i]),
            ];
            foreach (var bits in Widths)
            {
                var actual = sample.EncodeWithFeedback(bits, sample.Weight);
                AssertSameBytes(codec, encoded, actual.Encoded);
                CodecCase.AssertSame(residual, actual.Residual, $"{codec} residual at {bits} bits");
            }
        },
        iter: Iterations);

    [Theory]
    [MemberData(nameof(All))]
    public void Feedback_loses_nothing_in_the_long_run(Codec codec)
    {
        var random = new Random(7);
        const int count = 1000;
        var (sent, wanted, residual) = (new double[count], new double[count], new float[count]);
        for (var round = 0; round < 50; round++)
        {
            float[] source = [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble()) - 1))];
            var sample = new CodecCase(codec, source, residual, 1, [0, 0, 0, 0]);
            (var encoded, residual) = sample.EncodeWithFeedback(ReduceKernels.WidestBits);
            var decoded = sample.Decode(encoded, ReduceKernels.WidestBits);
            for (var i = 0; i < count; i++)
            {
                sent[i] += decoded[i];
                wanted[i] += source[i];
            }
        }

        for (var i = 0; i < count; i++)
        {
            Assert.Equal(wanted[i], sent[i] + residual[i], 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Blocked))]
    public void Errors_of_finite_blocks_stay_within_the_bound(Codec codec) => CodecCase.Cases(codec, finite: true).Sample(
        sample =>
        {
            var decoded = sample.Decode(sample.Encode(ReduceKernels.WidestBits), ReduceKernels.WidestBits);
            var length = CodecCase.Block(codec);
            foreach (var (block, result) in sample.Source.Chunk(length).Zip(decoded.Chunk(length)))
            {
                CodecBounds.AssertWithin(codec, block, result);
            }
        },
        iter: 5 * Iterations);

    [Fact]
    public void Int8_of_the_largest_numbers_stays_finite() => Gen.Float[float.MinValue, float.MaxValue].Sample(
        least =>
        {
            foreach (var greatest in (float[])[float.MaxValue, MathF.BitDecrement(float.MaxValue)])
            {
                var sample = new CodecCase(Codec.Int8, [least, greatest], [], 1, [0, 0, 0, 0]);
                var decoded = sample.Decode(sample.Encode(ReduceKernels.WidestBits), ReduceKernels.WidestBits);
                CodecBounds.AssertWithin(Codec.Int8, sample.Source, decoded);
            }
        },
        iter: 10_000);

    [Theory]
    [MemberData(nameof(Blocked))]
    public void Pieces_of_whole_blocks_have_the_bytes_of_the_whole(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var whole = sample.Encode(ReduceKernels.WidestBits);
            var pieces = sample.Source.Chunk(CodecCase.Block(codec))
                .SelectMany(block => (sample with { Source = block }).Encode(ReduceKernels.WidestBits));
            Assert.Equal(whole, pieces);
        },
        iter: Iterations);

    [Theory]
    [MemberData(nameof(Blocked))]
    public void One_bad_element_makes_its_block_NaN_and_no_other(Codec codec)
    {
        var block = CodecCase.Block(codec);
        foreach (var bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            for (var place = block; place < 2 * block; place += 7)
            {
                var source = Enumerable.Repeat(1f, (2 * block) + 5).ToArray();
                source[place] = bad;
                var sample = new CodecCase(codec, source, [], 1, [0, 0, 0, 0]);
                var decoded = sample.Decode(sample.Encode(ReduceKernels.WidestBits), ReduceKernels.WidestBits);
                Assert.All(decoded[..block], x => Assert.Equal(1, x));
                Assert.All(decoded[block..(2 * block)], x => Assert.True(float.IsNaN(x)));
                Assert.All(decoded[(2 * block)..], x => Assert.Equal(1, x));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Blocked))]
    public void Any_bytes_decode_without_harm(Codec codec) => CodecCase.Cases(codec).Sample(
        sample =>
        {
            var encoded = sample.Encode(ReduceKernels.WidestBits);
            new Random(encoded.Length).NextBytes(encoded);
            CodecCase.AssertSame(sample.Decode(encoded, 128), sample.Decode(encoded, 256), $"{codec} of noise");
            CodecCase.AssertSame(sample.Decode(encoded, 128), sample.Decode(encoded, 512), $"{codec} of noise");
        },
        iter: Iterations);

    // The scalar code and the processor may give a NaN another sign; blocks have the same one everywhere.
    private static void AssertSameBytes(Codec codec, byte[] expected, byte[] actual)
    {
        if (codec.HasScale())
        {
            Assert.Equal(expected, actual);
            return;
        }

        var count = codec == Codec.None ? expected.Length / 4 : expected.Length / 2;
        CodecCase.AssertSame(
            ScalarCodecs.Decode(codec, expected, count), ScalarCodecs.Decode(codec, actual, count), $"{codec}");
    }
}
