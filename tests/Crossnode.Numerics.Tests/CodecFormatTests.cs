using Crossnode.Core;

namespace Crossnode.Numerics.Tests;

/// <summary>Bytes of the wire format, written out, and what is refused.</summary>
[Trait("tier", "unit")]
public sealed unsafe class CodecFormatTests
{
    [Fact]
    public void Int8_writes_least_step_and_steps()
    {
        Assert.Equal("000080BF 0000003F 00 FF 7F 80 02", Hex(Codec.Int8, -1, 126.5f, 62.5f, 63f, 0));
        Assert.Equal("0000803F 00000000 00 00", Hex(Codec.Int8, 1, 1));
    }

    [Fact]
    public void Int8_rounds_ties_to_even() =>
        Assert.Equal("00000000 0000803F 00 FF 00 02 02 04", Hex(Codec.Int8, 0, 255, 0.5f, 1.5f, 2.5f, 3.5f));

    [Fact]
    public void E3M0_writes_scale_and_codes() =>
        Assert.Equal("00000040 07 0E 05 00 08 01 07", Hex(Codec.E3M0, 2, -1, 0.5f, 0, -0f, 1f / 64, 1.5f));

    [Fact]
    public void E3M0_pairs_element_i_with_i_plus_64()
    {
        var source = new float[66];
        source[0] = 1;
        source[64] = -0.5f;
        source[65] = 0.25f;
        Assert.Equal("0000803F E7 50" + string.Concat(Enumerable.Repeat(" 00", 62)), Hex(Codec.E3M0, source));
    }

    [Fact]
    public void Sign_writes_mean_magnitude_and_bits() =>
        Assert.Equal("00000040 C2 01", Hex(Codec.Sign, 1, -3, 2, 2, 2, 2, -2, -2, -2));

    [Theory]
    [InlineData(Codec.None, 1, 4000)]
    [InlineData(Codec.Float16, 1, 2000)]
    [InlineData(Codec.BFloat16, 1, 2000)]
    [InlineData(Codec.Int8, 256, (4 * 8) + 1000)]
    [InlineData(Codec.E3M0, 128, (8 * 4) + (7 * 64) + 64)]
    [InlineData(Codec.Sign, 512, (2 * 4) + 125)]
    public void Sizes_are_what_the_format_says(Codec codec, int block, long bytesOf1000)
    {
        Assert.Equal(block, Codecs.BlockElements(codec));
        Assert.Equal(bytesOf1000, Codecs.EncodedBytes(codec, ElementType.Float32, 1000));
        Assert.Equal(0, Codecs.EncodedBytes(codec, ElementType.Float32, 0));
    }

    [Fact]
    public void None_carries_every_type()
    {
        Assert.Equal(80, Codecs.EncodedBytes(Codec.None, ElementType.Int64, 10));
        long element = 5, encoded = 0, sum = 2;
        Codecs.Encode(Codec.None, ElementType.Int64, &encoded, &element, 1);
        Codecs.DecodeCombine(Codec.None, ElementType.Int64, &sum, &sum, &encoded, 1);
        Codecs.Decode(Codec.None, ElementType.Int64, &element, &encoded, 1);
        Assert.Equal((5, 5, 7), (encoded, element, sum));
    }

    [Fact]
    public void None_weights_the_left_operand_of_floats()
    {
        double decoded = 5, left = 2, target = 0;
        Codecs.DecodeCombine(Codec.None, ElementType.Float64, &target, &left, &decoded, 1, leftWeight: 3);
        Assert.Equal(11, target);
        Codecs.Encode(Codec.None, ElementType.Float64, &target, &left, 1, weight: 3);
        Assert.Equal(6, target);
    }

    [Theory]
    [InlineData(Codec.Float16, ElementType.Float64)]
    [InlineData(Codec.Int8, ElementType.Float16)]
    [InlineData(Codec.Sign, ElementType.Int32)]
    public void Other_types_are_refused_in_words(Codec codec, ElementType type)
    {
        var error = Assert.Throws<ArgumentException>(() => Codecs.EncodedBytes(codec, type, 1));
        Assert.Contains($"{codec} encodes f32 and not {type.Name()}", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Codecs.Encode(codec, type, null, null, 1));
        Assert.Throws<ArgumentException>(() => Codecs.Decode(codec, type, null, null, 1));
        Assert.Throws<ArgumentException>(() => Codecs.DecodeCombine(codec, type, null, null, null, 1));
    }

    [Theory]
    [InlineData((Codec)6, ElementType.Float32, 1)]
    [InlineData(Codec.Int8, ElementType.None, 1)]
    [InlineData(Codec.None, (ElementType)13, 1)]
    [InlineData(Codec.Int8, ElementType.Float32, -1)]
    public void Unknown_codec_or_type_is_refused(Codec codec, ElementType type, long count)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Codecs.EncodedBytes(codec, type, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => Codecs.Encode(codec, type, null, null, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => Codecs.Decode(codec, type, null, null, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => Codecs.DecodeCombine(codec, type, null, null, null, count));
    }

    [Theory]
    [InlineData(Codec.None)]
    [InlineData(Codec.Float16)]
    [InlineData(Codec.Int8)]
    [InlineData(Codec.E3M0)]
    [InlineData(Codec.Sign)]
    public void No_elements_need_no_memory(Codec codec)
    {
        Codecs.Encode(codec, ElementType.Float32, null, null, 0);
        Codecs.EncodeWithFeedback(codec, null, null, null, 0);
        Codecs.Decode(codec, ElementType.Float32, null, null, 0);
        Codecs.DecodeCombine(codec, ElementType.Float32, null, null, null, 0);
    }

    // The header in words, the payload in bytes.
    private static string Hex(Codec codec, params float[] source)
    {
        var encoded = new byte[Codecs.EncodedBytes(codec, ElementType.Float32, source.Length)];
        fixed (float* from = source)
        fixed (byte* to = encoded)
        {
            Codecs.Encode(codec, ElementType.Float32, to, from, source.Length);
        }

        var header = codec == Codec.Int8 ? 8 : 4;
        var words = encoded[..header].Chunk(4).Select(Convert.ToHexString);
        return string.Join(' ', words.Concat(encoded[header..].Select(b => $"{b:X2}")));
    }
}
