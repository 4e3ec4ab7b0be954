using System.Runtime.Intrinsics;
using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>Computes reductions element by element, as wide as the processor allows.</summary>
/// <remarks>
/// Integers wrap. Binary16 and bfloat16 are widened to binary32, computed there and rounded to the nearest, ties to
/// even; what is too large becomes an infinity. Binary32 and binary64 compute in their own precision, and a factor is
/// rounded to the precision that is computed in. A product is rounded before it is added, so the width of the vectors
/// and the place of an element never change its bits; a NaN stays a NaN, whose payload is not specified. The least and
/// the greatest are NaN where either operand is one, and -0 is below +0.
/// Addresses need no alignment. The target may be the address of an operand, but must not overlap one otherwise.
/// Streaming writes the target past the caches, with the same bits: it pays for results of megabytes that nobody on
/// this processor reads soon.
/// </remarks>
public static unsafe class ReduceKernels
{
    internal static int WidestBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>Combines two operands: target[i] = left[i] op right[i].</summary>
    /// <remarks>An average is a sum here, of floats only: the caller weights the values, and divides at the end.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The type carries no elements, the operator computes nothing of them, or the count is negative.
    /// </exception>
    public static void Combine(
        ReduceOperator op, ElementType type, void* target, void* left, void* right, long count, bool streaming = false) =>
        Combine(op, type, target, left, right, count, WidestBits, streaming);

    /// <summary>Adds a multiple of the right operand, of floats only: target[i] = left[i] + rightWeight * right[i].</summary>
    /// <remarks>A weight of 1 gives the bits of a sum. A weight of 0 still lets a NaN or infinity through.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type is not of floats, or the count is negative.</exception>
    public static void CombineScaled(
        ElementType type, void* target, void* left, void* right, double rightWeight, long count, bool streaming = false)
    {
        CheckFloat(type, count);
        if (rightWeight == 1)
        {
            KernelDispatch.Run<AddOperation>(type, target, left, right, 1, count, WidestBits, streaming);
        }
        else
        {
            KernelDispatch.Run<AddScaledOperation>(type, target, left, right, rightWeight, count, WidestBits, streaming);
        }
    }

    /// <summary>Copies bytes between buffers that do not overlap.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number of bytes is negative.</exception>
    public static void Copy(void* target, void* source, long bytes, bool streaming = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (!streaming)
        {
            Buffer.MemoryCopy(source, target, bytes, bytes);
            return;
        }

        StreamingLoop.Copy((byte*)target, (byte*)source, bytes);
    }

    /// <summary>Adds the source to the target: target[i] = target[i] + source[i].</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type carries no elements, or the count is negative.</exception>
    public static void Add(ElementType type, void* target, void* source, long count) =>
        Combine(ReduceOperator.Sum, type, target, target, source, count);

    /// <summary>Adds a multiple of the source to the target, of floats only: target[i] = target[i] + weight * source[i].</summary>
    /// <remarks>A weight of 1 gives the bits of <see cref="Add"/>. A weight of 0 still lets a NaN or infinity through.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type is not of floats, or the count is negative.</exception>
    public static void AddScaled(ElementType type, void* target, void* source, double weight, long count) =>
        CombineScaled(type, target, target, source, weight, count);

    /// <summary>Writes a multiple of the source to the target, of floats only: target[i] = weight * source[i].</summary>
    /// <remarks>A weight of 1 copies the bytes.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type is not of floats, or the count is negative.</exception>
    public static void Scale(
        ElementType type, void* target, void* source, double weight, long count, bool streaming = false)
    {
        CheckFloat(type, count);
        if (weight != 1)
        {
            KernelDispatch.Run<ScaleOperation>(type, target, source, source, weight, count, WidestBits, streaming);
        }
        else if (target != source)
        {
            Copy(target, source, checked(count * type.Size()), streaming);
        }
    }

    /// <summary>Divides the target, of floats only: target[i] = target[i] / divisor.</summary>
    /// <remarks>A divisor of 1 changes nothing.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type is not of floats, or the count is negative.</exception>
    public static void Divide(ElementType type, void* target, double divisor, long count)
    {
        CheckFloat(type, count);
        if (divisor != 1)
        {
            KernelDispatch.Run<DivideOperation>(type, target, target, target, divisor, count, WidestBits, streaming: false);
        }
    }

    internal static void Combine(
        ReduceOperator op, ElementType type, void* target, void* left, void* right, long count, int widestBits,
        bool streaming)
    {
        Check(type, count);
        switch (op)
        {
            case ReduceOperator.Sum:
            case ReduceOperator.Average when type.IsFloat():
                KernelDispatch.Run<AddOperation>(type, target, left, right, 1, count, widestBits, streaming);
                break;
            case ReduceOperator.Min:
                KernelDispatch.Run<MinOperation>(type, target, left, right, 1, count, widestBits, streaming);
                break;
            case ReduceOperator.Max:
                KernelDispatch.Run<MaxOperation>(type, target, left, right, 1, count, widestBits, streaming);
                break;
            case ReduceOperator.Product:
                KernelDispatch.Run<MultiplyOperation>(type, target, left, right, 1, count, widestBits, streaming);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(op), op, $"{op} computes nothing of {type.Name()} elements");
        }
    }

    private static void Check(ElementType type, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!type.IsKnown())
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, $"{type.Name()} has no elements to reduce");
        }
    }

    private static void CheckFloat(ElementType type, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!type.IsFloat())
        {
            throw new ArgumentOutOfRangeException(
                nameof(type), type, $"only floats are weighted and divided, and {type.Name()} is none");
        }
    }
}
