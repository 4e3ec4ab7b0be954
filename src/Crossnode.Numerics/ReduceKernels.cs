using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>Computes reductions element by element, as wide as the processor allows.</summary>
/// <remarks>
/// Binary16 and bfloat16 are widened to binary32, computed there and rounded to the nearest, ties to even; what is too
/// large becomes an infinity. Binary32 and binary64 compute in their own precision, and a factor is rounded to the
/// precision that is computed in. A product is rounded before it is added, so the width of the vectors and the place of
/// an element never change its bits; a NaN stays a NaN, whose payload is not specified.
/// Addresses need no alignment. Target and source may be the same address, but must not overlap otherwise.
/// </remarks>
public static unsafe class ReduceKernels
{
    internal static int WidestBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>Adds the source to the target: target[i] = target[i] + source[i].</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type carries no elements, or the count is negative.</exception>
    public static void Add(ElementType type, void* target, void* source, long count) =>
        Run<AddOperation>(type, target, source, 1, count, WidestBits);

    /// <summary>Adds a multiple of the source to the target: target[i] = target[i] + weight * source[i].</summary>
    /// <remarks>A weight of 1 gives the bits of <see cref="Add"/>. A weight of 0 still lets a NaN or infinity through.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type carries no elements, or the count is negative.</exception>
    public static void AddScaled(ElementType type, void* target, void* source, double weight, long count)
    {
        if (weight == 1)
        {
            Add(type, target, source, count);
            return;
        }

        Run<AddScaledOperation>(type, target, source, weight, count, WidestBits);
    }

    /// <summary>Writes a multiple of the source to the target: target[i] = weight * source[i].</summary>
    /// <remarks>A weight of 1 copies the bytes.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type carries no elements, or the count is negative.</exception>
    public static void Scale(ElementType type, void* target, void* source, double weight, long count)
    {
        if (weight == 1)
        {
            Check(type, count);
            var bytes = checked(count * type.Size());
            Buffer.MemoryCopy(source, target, bytes, bytes);
            return;
        }

        Run<ScaleOperation>(type, target, source, weight, count, WidestBits);
    }

    /// <summary>Divides the target: target[i] = target[i] / divisor.</summary>
    /// <remarks>A divisor of 1 changes nothing.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The type carries no elements, or the count is negative.</exception>
    public static void Divide(ElementType type, void* target, double divisor, long count)
    {
        if (divisor == 1)
        {
            Check(type, count);
            return;
        }

        Run<DivideOperation>(type, target, target, divisor, count, WidestBits);
    }

    internal static void Run<TOperation>(
        ElementType type, void* target, void* source, double factor, long count, int widestBits)
        where TOperation : struct, IReduceOperation
    {
        Check(type, count);
        var to = (byte*)target;
        var from = (byte*)source;
        switch (type)
        {
            case ElementType.Float16:
                KernelLoop.Run<Float16Format, float, TOperation>(to, from, (float)factor, count, widestBits);
                break;
            case ElementType.BFloat16:
                KernelLoop.Run<BFloat16Format, float, TOperation>(to, from, (float)factor, count, widestBits);
                break;
            case ElementType.Float32:
                KernelLoop.Run<PlainFormat<float>, float, TOperation>(to, from, (float)factor, count, widestBits);
                break;
            default:
                KernelLoop.Run<PlainFormat<double>, double, TOperation>(to, from, factor, count, widestBits);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Check(ElementType type, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (!type.IsReducible())
        {
            throw new ArgumentOutOfRangeException(nameof(type), type, $"{type.Name()} has no elements to reduce");
        }
    }
}
