using System.Runtime.InteropServices;
using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

/// <summary>Elements for a codec, and where they and their encoding lie within a cache line.</summary>
internal sealed record CodecCase(Codec Codec, float[] Source, float[] Other, double Weight, int[] Offsets)
{
    public static IEnumerable<Codec> All { get; } = Enum.GetValues<Codec>();

    /// <summary>Up to three blocks and a bit, each of one kind: ordinary, of any exponent, constant, or not all finite.</summary>
    public static Gen<CodecCase> Cases(Codec codec, bool finite = false) =>
        from count in Gen.Int[0, (3 * Block(codec)) + 1]
        from blocks in Kinds(finite).SelectMany(kind => kind.Array[Block(codec)]).Array[4]
        from others in Kinds(finite).SelectMany(kind => kind.Array[Block(codec)]).Array[4]
        from weight in Gen.OneOf(1.0, 0.25, -1.0 / 3)
        from offsets in Gen.Int[0, 63].Array[4]
        select new CodecCase(
            codec, [.. blocks.SelectMany(b => b).Take(count)], [.. others.SelectMany(b => b).Take(count)], weight, offsets);

    /// <summary>Elements of a block, or of what is converted in one go.</summary>
    public static int Block(Codec codec) => codec.HasScale() ? Codecs.BlockElements(codec) : 512;

    public unsafe byte[] Encode(int bits, double weight = 1)
    {
        var from = new GuardedBytes(Bytes(Source), Offsets[0]);
        var to = new GuardedBytes(new byte[Codecs.EncodedBytes(Codec, ElementType.Float32, Source.Length)], Offsets[1]);
        fixed (byte* source = from.All, encoded = to.All)
        {
            Codecs.Engine(Codec, bits).Encode(
                encoded + to.Start, (float*)(source + from.Start), (float)weight, Source.Length);
        }

        Assert.Equal(Bytes(Source), from.Content());
        return to.Content();
    }

    public unsafe float[] Decode(byte[] encoded, int bits)
    {
        var from = new GuardedBytes(encoded, Offsets[2]);
        var to = new GuardedBytes(Bytes(Source), Offsets[3]);
        fixed (byte* source = from.All, target = to.All)
        {
            var values = (float*)(target + to.Start);
            Codecs.Engine(Codec, bits).Decode<TakeDecoded>(values, values, source + from.Start, 1, Source.Length);
        }

        return Floats(to.Content());
    }

    /// <summary>Decodes onto <see cref="Other"/>, to a third buffer or in place.</summary>
    public unsafe float[] DecodeCombine(byte[] encoded, int bits, double weight, bool inPlace)
    {
        var from = new GuardedBytes(encoded, Offsets[0]);
        var left = new GuardedBytes(Bytes(Other), Offsets[1]);
        var target = inPlace ? left : new GuardedBytes(new byte[Source.Length * sizeof(float)], Offsets[2]);
        fixed (byte* source = from.All, operand = left.All, to = target.All)
        {
            Codecs.DecodeCombine(
                Codec, (float*)(to + target.Start), (float*)(operand + left.Start), source + from.Start, Source.Length,
                weight, bits);
        }

        return Floats(target.Content());
    }

    /// <summary>Encodes with <see cref="Other"/> as the residual.</summary>
    public unsafe (byte[] Encoded, float[] Residual) EncodeWithFeedback(int bits, double weight = 1)
    {
        var from = new GuardedBytes(Bytes(Source), Offsets[0]);
        var rest = new GuardedBytes(Bytes(Other), Offsets[1]);
        var to = new GuardedBytes(new byte[Codecs.EncodedBytes(Codec, ElementType.Float32, Source.Length)], Offsets[2]);
        fixed (byte* source = from.All, residual = rest.All, encoded = to.All)
        {
            Codecs.Engine(Codec, bits).EncodeWithFeedback(
                encoded + to.Start, (float*)(source + from.Start), (float*)(residual + rest.Start), (float)weight,
                Source.Length);
        }

        Assert.Equal(Bytes(Source), from.Content());
        return (to.Content(), Floats(rest.Content()));
    }

    /// <summary>Compares bit for bit; of a NaN only that it is one.</summary>
    public static void AssertSame(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var same = float.IsNaN(expected[i])
                ? float.IsNaN(actual[i])
                : BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]);
            Assert.True(same, $"{what}, element {i} of {expected.Length}: wanted {expected[i]:r}, got {actual[i]:r}");
        }
    }

    private static Gen<Gen<float>> Kinds(bool finite) => finite
        ? Gen.OneOf(Ordinary, SameExponent, AnyFinite, Constant, Huge, Subnormal, FewValues, Zeros)
        : Gen.OneOf(Ordinary, SameExponent, AnyFinite, Constant, Huge, Subnormal, FewValues, Zeros, AnyBits, RarelyInfinite);

    private static Gen<Gen<float>> Ordinary { get; } = Gen.Const(Gen.Float[-1, 1]);

    private static Gen<Gen<float>> SameExponent { get; } =
        Gen.Int[-149, 126].Select(e => Gen.Double[-1, 1].Select(x => (float)Math.ScaleB(x, e)));

    private static Gen<Gen<float>> AnyFinite { get; } = Gen.Const(Finite());

    private static Gen<Gen<float>> Constant { get; } = Finite().Select(Gen.Const);

    private static Gen<Gen<float>> Huge { get; } = Gen.Const(
        Gen.Frequency((4, Gen.Float[-3.4e38f, 3.4e38f]), (1, Gen.OneOf(float.MaxValue, float.MinValue, 0, 1))));

    private static Gen<Gen<float>> Subnormal { get; } = Gen.Int[1, 23].Select(
        bits => Gen.Int[-(1 << bits), 1 << bits].Select(x => x * float.Epsilon));

    private static Gen<Gen<float>> FewValues { get; } = Gen.Const(Gen.OneOf(0f, -0f, 1, -1, 0.5f, 0.375f, 1f / 128, 255));

    private static Gen<Gen<float>> Zeros { get; } = Gen.Const(Gen.OneOf(0f, -0f));

    private static Gen<Gen<float>> AnyBits { get; } =
        Gen.Const(Gen.UInt.Select(bits => BitConverter.UInt32BitsToSingle(bits)));

    private static Gen<Gen<float>> RarelyInfinite { get; } = Gen.Const(Gen.Frequency(
        (300, Gen.Float[-1, 1]), (1, Gen.OneOf(float.NaN, float.PositiveInfinity, float.NegativeInfinity))));

    private static Gen<float> Finite() =>
        Gen.UInt.Select(bits => BitConverter.UInt32BitsToSingle(bits)).Select(x => float.IsFinite(x) ? x : 1);

    private static byte[] Bytes(float[] values) => MemoryMarshal.AsBytes<float>(values).ToArray();

    private static float[] Floats(byte[] bytes) => MemoryMarshal.Cast<byte, float>(bytes).ToArray();
}
