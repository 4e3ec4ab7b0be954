using System.Buffers.Binary;
using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>The definition of what <see cref="Codecs"/> write and read: one element at a time, by another road.</summary>
internal static class ScalarCodecs
{
    /// <summary>The magnitudes of the codes 0 to 7 of E3M0, as parts of the scale.</summary>
    private static readonly double[] Magnitudes = [0, 1.0 / 64, 1.0 / 32, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2, 1];

    public static byte[] Encode(Codec codec, float[] source) =>
        [.. source.Chunk(Codecs.BlockElements(codec)).SelectMany(block => EncodeBlock(codec, block))];

    public static float[] Decode(Codec codec, ReadOnlySpan<byte> encoded, int count)
    {
        var decoded = new float[count];
        var block = Codecs.BlockElements(codec);
        for (var first = 0; first < count; first += block)
        {
            var length = Math.Min(block, count - first);
            for (var i = 0; i < length; i++)
            {
                decoded[first + i] = DecodeElement(codec, encoded, i);
            }

            encoded = encoded[EncodeBlock(codec, new float[length]).Length..];
        }

        return decoded;
    }

    private static byte[] EncodeBlock(Codec codec, float[] block)
    {
        switch (codec)
        {
            case Codec.Float16:
                return Bytes(BitConverter.HalfToUInt16Bits((Half)block[0]));
            case Codec.BFloat16:
                return Bytes(ScalarKernels.ToBFloat16(block[0]));
            case Codec.Int8:
                return EncodeInt8(block);
            case Codec.E3M0:
                return EncodeE3M0(block);
            case Codec.Sign:
                return EncodeSign(block);
            default:
                return Bytes(block[0]);
        }
    }

    private static float DecodeElement(Codec codec, ReadOnlySpan<byte> block, int i)
    {
        switch (codec)
        {
            case Codec.Float16:
                return (float)BinaryPrimitives.ReadHalfLittleEndian(block);
            case Codec.BFloat16:
                return ScalarKernels.FromBFloat16(BinaryPrimitives.ReadUInt16LittleEndian(block));
            case Codec.Int8:
                var least = BinaryPrimitives.ReadSingleLittleEndian(block);
                var step = BinaryPrimitives.ReadSingleLittleEndian(block[4..]);
                var half = step > (float)Math.ScaleB(1, 119) ? 0.5f : 1;
                return ((least * half) + (float)(block[8 + i] * (step * half))) / half;
            case Codec.E3M0:
                var code = block[4 + (i % 64)] >> (i / 64 * 4);
                var magnitude = (float)(BinaryPrimitives.ReadSingleLittleEndian(block) * Magnitudes[code & 7]);
                return (code & 8) == 0 ? magnitude : -magnitude;
            case Codec.Sign:
                var scale = BinaryPrimitives.ReadSingleLittleEndian(block);
                return (block[4 + (i / 8)] >> (i % 8) & 1) == 0 ? scale : -scale;
            default:
                return BinaryPrimitives.ReadSingleLittleEndian(block);
        }
    }

    private static byte[] EncodeInt8(float[] block)
    {
        if (!block.All(float.IsFinite))
        {
            return [.. Bytes(float.NaN), .. Bytes(0f), .. new byte[block.Length]];
        }

        var scale = Int8Scale.Of(block.Min(), block.Max());
        var prescale = scale.Prescale;
        var steps = block.Select(x =>
            (byte)MathF.Round(((x * prescale) - (scale.Least * prescale)) * scale.Inverse, MidpointRounding.ToEven));
        return [.. Bytes(scale.Least), .. Bytes(scale.Step), .. steps];
    }

    private static byte[] EncodeE3M0(float[] block)
    {
        var bytes = new byte[Math.Min(block.Length, 64)];
        if (!block.All(float.IsFinite))
        {
            return [.. Bytes(float.NaN), .. bytes];
        }

        var scale = block.Max(Math.Abs);
        for (var i = 0; i < block.Length; i++)
        {
            var ratio = Math.Abs(block[i] * E3M0Scale.Prescale(scale) * E3M0Scale.Inverse(scale));
            var code = 0;
            for (var k = 1; k < 8; k++)
            {
                code = Math.Abs(ratio - Magnitudes[k]) <= Math.Abs(ratio - Magnitudes[code]) ? k : code;
            }

            bytes[i % 64] |= (byte)((code | (float.IsNegative(block[i]) ? 8 : 0)) << (i / 64 * 4));
        }

        return [.. Bytes(scale), .. bytes];
    }

    private static byte[] EncodeSign(float[] block)
    {
        var bytes = new byte[(block.Length + 7) / 8];
        if (!block.All(float.IsFinite))
        {
            return [.. Bytes(float.NaN), .. bytes];
        }

        var sums = new double[16];
        for (var i = 0; i < block.Length; i++)
        {
            sums[i % 16] += Math.Abs(block[i]);
            bytes[i / 8] |= (byte)(float.IsNegative(block[i]) ? 1 << (i % 8) : 0);
        }

        return [.. Bytes((float)(sums.Sum() / block.Length)), .. bytes];
    }

    private static byte[] Bytes(float value) => BitConverter.GetBytes(value);

    private static byte[] Bytes(ushort value) => BitConverter.GetBytes(value);
}
