using System.Runtime.CompilerServices;
using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>Writes elements for the wire in fewer bytes, and reads them back.</summary>
/// <remarks>
/// <para>
/// Codecs other than <see cref="Codec.None"/> are for f32. Elements are written in blocks of
/// <see cref="BlockElements"/>, of which only the last may be shorter. Blocks know nothing of each other: a buffer may
/// be encoded and decoded in pieces that start at blocks, with the same bytes. The bytes and the decoded values are
/// the same at every vector width.
/// </para>
/// <list type="table">
/// <item><term>Float16, BFloat16</term><description>
/// 2 bytes an element, rounded to the nearest, ties to even; what is too large becomes an infinity.
/// </description></item>
/// <item><term>Int8</term><description>
/// 256 elements: f32 least value, f32 step, then a byte for each element. Decoded is least + byte * step, computed in
/// halves where the step is beyond 2^119. With the range from the least to the greatest value of the block,
/// |x - decoded| is at most range / 255 * (1/2 + 2^-11) and 2^-23 of the greatest magnitude, or 2^-149 in ranges that
/// are subnormal. The least value, and blocks of one value, are exact; -0 may become 0.
/// </description></item>
/// <item><term>E3M0</term><description>
/// 128 elements: f32 scale, the greatest magnitude, then half a byte for each element; byte i has element i in its
/// lower half and i + 64 in its upper one, and a last block of n elements has min(n, 64) bytes. Bit 3 is the sign;
/// the lower bits are 0 for 0, or k for scale * 2^(k - 7), whichever is nearest, and on a tie the larger one.
/// |x - decoded| is at most |x| / 3 from scale / 64 up and scale / 128 below, and 2^-22 of the scale. The greatest
/// value, and blocks of one magnitude and zeros, are exact.
/// </description></item>
/// <item><term>Sign</term><description>
/// 512 elements: f32 scale, the mean magnitude of the block, then a bit for each element, the first in the lowest bit
/// of a byte; 1 is -scale, 0 is +scale. Blocks of one magnitude are exact. To be used with feedback.
/// </description></item>
/// </list>
/// <para>
/// Int8, E3M0 and Sign decode a block that had a NaN or an infinity to NaN throughout, so that it is never taken for
/// numbers. Numbers are in the processor's byte order. Decoding reads no more than <see cref="EncodedBytes"/>,
/// whatever the bytes are. Addresses need no alignment; the target may be the left operand, but buffers must not
/// overlap otherwise.
/// </para>
/// </remarks>
public static unsafe class Codecs
{
    /// <summary>Whether the codec writes elements of the type.</summary>
    public static bool Encodes(this Codec codec, ElementType type) =>
        codec == Codec.None ? type.IsKnown() : codec <= Codec.Sign && type == ElementType.Float32;

    /// <summary>Elements of a block: pieces that are encoded apart start at its multiples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The codec is unknown.</exception>
    public static int BlockElements(Codec codec) =>
        codec is Codec.None or Codec.Float16 or Codec.BFloat16 ? 1 : Engine(codec, ReduceKernels.WidestBits).Elements;

    /// <summary>Bytes that so many elements are encoded to.</summary>
    /// <exception cref="ArgumentException">The codec does not write elements of the type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The codec or type is unknown, or the count is negative.</exception>
    /// <exception cref="OverflowException">The bytes are more than a <see cref="long"/> counts.</exception>
    public static long EncodedBytes(Codec codec, ElementType type, long count)
    {
        Check(codec, type, count);
        return codec == Codec.None
            ? checked(count * type.Size())
            : Engine(codec, ReduceKernels.WidestBits).Bytes(count);
    }

    /// <summary>Encodes weight * source.</summary>
    /// <exception cref="ArgumentException">The codec does not write elements of the type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The codec or type is unknown, the count is negative, or integers have a weight other than 1.
    /// </exception>
    public static void Encode(
        Codec codec, ElementType type, void* encoded, void* source, long count, double weight = 1)
    {
        Check(codec, type, count);
        if (codec == Codec.None)
        {
            Scale(type, encoded, source, weight, count);
        }
        else
        {
            Engine(codec, ReduceKernels.WidestBits).Encode((byte*)encoded, (float*)source, (float)weight, count);
        }
    }

    /// <summary>Encodes residual + weight * source, f32, and leaves in the residual what the encoding lost of it.</summary>
    /// <remarks>
    /// The new residual is the sum less what is decoded. Where that is not finite, because the element or its block is
    /// not, the residual stays as it was: a step that is thrown away does not spoil those that follow.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The codec is unknown, or the count is negative.</exception>
    public static void EncodeWithFeedback(
        Codec codec, void* encoded, float* source, float* residual, long count, double weight = 1)
    {
        Check(codec, ElementType.Float32, count);
        Engine(codec, ReduceKernels.WidestBits)
            .EncodeWithFeedback((byte*)encoded, source, residual, (float)weight, count);
    }

    /// <summary>Decodes to the target.</summary>
    /// <exception cref="ArgumentException">The codec does not write elements of the type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The codec or type is unknown, or the count is negative.</exception>
    public static void Decode(Codec codec, ElementType type, void* target, void* encoded, long count)
    {
        Check(codec, type, count);
        if (codec == Codec.None)
        {
            Scale(type, target, encoded, 1, count);
        }
        else
        {
            Engine(codec, ReduceKernels.WidestBits)
                .Decode<TakeDecoded>((float*)target, (float*)target, (byte*)encoded, 1, count);
        }
    }

    /// <summary>Adds what is decoded: target[i] = leftWeight * left[i] + decoded[i], the product rounded first.</summary>
    /// <exception cref="ArgumentException">The codec does not write elements of the type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The codec or type is unknown, the count is negative, or integers have a weight other than 1.
    /// </exception>
    public static void DecodeCombine(
        Codec codec, ElementType type, void* target, void* left, void* encoded, long count, double leftWeight = 1)
    {
        Check(codec, type, count);
        if (codec == Codec.None && leftWeight == 1)
        {
            ReduceKernels.Combine(ReduceOperator.Sum, type, target, left, encoded, count);
        }
        else if (codec == Codec.None)
        {
            ReduceKernels.CombineScaled(type, target, encoded, left, leftWeight, count);
        }
        else
        {
            DecodeCombine(codec, (float*)target, (float*)left, (byte*)encoded, count, leftWeight, ReduceKernels.WidestBits);
        }
    }

    internal static void DecodeCombine(
        Codec codec, float* target, float* left, byte* encoded, long count, double leftWeight, int widestBits)
    {
        var engine = Engine(codec, widestBits);
        if (leftWeight == 1)
        {
            engine.Decode<AddDecoded>(target, left, encoded, 1, count);
        }
        else
        {
            engine.Decode<AddDecodedToScaled>(target, left, encoded, (float)leftWeight, count);
        }
    }

    internal static BlockEngine Engine(Codec codec, int widestBits) =>
        BlockEngine.For(codec, widestBits)
        ?? throw new ArgumentOutOfRangeException(nameof(codec), codec, "unknown codec");

    private static void Scale(ElementType type, void* target, void* source, double weight, long count)
    {
        if (weight == 1)
        {
            ReduceKernels.Copy(target, source, checked(count * type.Size()));
        }
        else
        {
            ReduceKernels.Scale(type, target, source, weight, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Check(Codec codec, ElementType type, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (codec.Encodes(type))
        {
            return;
        }

        if (codec > Codec.Sign)
        {
            throw new ArgumentOutOfRangeException(nameof(codec), codec, "unknown codec");
        }

        if (!type.IsKnown())
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, $"{type.Name()} has no elements to encode");
        }

        throw new ArgumentException($"the codec {codec} encodes f32 and not {type.Name()}", nameof(type));
    }
}
