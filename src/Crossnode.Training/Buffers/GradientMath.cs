using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Crossnode.Core;
using Crossnode.Numerics;

namespace Crossnode.Training.Buffers;

/// <summary>The few passes over gradients that a step needs; the same bits on every machine.</summary>
/// <remarks>
/// Sums run over 16 fixed lanes of 64-bit floats, whatever the vector width of the processor: the square of a 32-bit
/// float is exact in 64 bits, so a fused multiply-add would not change it either.
/// </remarks>
public static unsafe class GradientMath
{
    private const int BlockElements = 1024;
    private const int Lanes = 16;

    /// <summary>The Euclidean norm over all elements of all buffers; not finite exactly when an element is not.</summary>
    public static double GlobalNorm(IReadOnlyList<FlatBuffer> buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        var sum = 0.0;
        foreach (var buffer in buffers)
        {
            sum += SumOfSquares(buffer, divisor: 1);
        }

        return double.IsFinite(sum) || !AllFinite(buffers) ? Math.Sqrt(sum) : NormOfHugeValues(buffers);
    }

    /// <summary>Whether no element is an infinity or a NaN.</summary>
    public static bool AllFinite(IReadOnlyList<FlatBuffer> buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        return FirstNotFinite(buffers) is null;
    }

    /// <summary>The tensor that holds the first element that is an infinity or a NaN.</summary>
    public static FlatSegment? FirstNotFinite(IReadOnlyList<FlatBuffer> buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        foreach (var buffer in buffers)
        {
            for (var i = 0L; i < buffer.Count; i++)
            {
                if (!double.IsFinite(Element(buffer, i)))
                {
                    return buffer.Segments.First(s => i < s.Offset + s.Count);
                }
            }
        }

        return null;
    }

    /// <summary>Writes source times factor into target; the same memory is allowed. A factor of 1 copies.</summary>
    public static void Scale(FlatBuffer source, FlatBuffer target, double factor)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        if (factor == 1)
        {
            if (source.Pointer != target.Pointer)
            {
                target.CopyFrom(source);
            }

            return;
        }

        if (source.Type != target.Type || source.Count != target.Count)
        {
            throw new ArgumentException("source and target differ in type or count", nameof(target));
        }

        ReduceKernels.Scale(source.Type, target.Pointer, source.Pointer, factor, source.Count);
    }

    private static double NormOfHugeValues(IReadOnlyList<FlatBuffer> buffers)
    {
        // Only 64-bit elements above 1e154 come here: their squares overflow although they are finite themselves.
        var largest = 0.0;
        foreach (var buffer in buffers)
        {
            for (var i = 0L; i < buffer.Count; i++)
            {
                largest = Math.Max(largest, Math.Abs(Element(buffer, i)));
            }
        }

        var sum = 0.0;
        foreach (var buffer in buffers)
        {
            sum += SumOfSquares(buffer, largest);
        }

        return largest * Math.Sqrt(sum);
    }

    private static double SumOfSquares(FlatBuffer buffer, double divisor)
    {
        var lanes = stackalloc double[Lanes];
        new Span<double>(lanes, Lanes).Clear();
        switch (buffer.Type)
        {
            case ElementType.Float32 when divisor == 1:
                AddSquares((float*)buffer.Pointer, buffer.Count, lanes);
                break;
            case ElementType.Float16 or ElementType.BFloat16 when divisor == 1:
                var block = stackalloc float[BlockElements];
                for (var at = 0L; at < buffer.Count; at += BlockElements)
                {
                    var count = (int)Math.Min(BlockElements, buffer.Count - at);
                    Widen(buffer, at, block, count);
                    AddSquares(block, count, lanes);
                }

                break;
            default:
                for (var i = 0L; i < buffer.Count; i++)
                {
                    var value = Element(buffer, i) / divisor;
                    lanes[i % Lanes] += value * value;
                }

                break;
        }

        for (var width = Lanes / 2; width > 0; width /= 2)
        {
            for (var i = 0; i < width; i++)
            {
                lanes[i] += lanes[i + width];
            }
        }

        return lanes[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddSquares(float* source, long count, double* lanes)
    {
        var a = Vector128.Load(lanes);
        var b = Vector128.Load(lanes + 2);
        var c = Vector128.Load(lanes + 4);
        var d = Vector128.Load(lanes + 6);
        var e = Vector128.Load(lanes + 8);
        var f = Vector128.Load(lanes + 10);
        var g = Vector128.Load(lanes + 12);
        var h = Vector128.Load(lanes + 14);
        var i = 0L;
        for (; i <= count - Lanes; i += Lanes)
        {
            var (v0, v1) = Vector128.Widen(Vector128.Load(source + i));
            var (v2, v3) = Vector128.Widen(Vector128.Load(source + i + 4));
            var (v4, v5) = Vector128.Widen(Vector128.Load(source + i + 8));
            var (v6, v7) = Vector128.Widen(Vector128.Load(source + i + 12));
            a += v0 * v0;
            b += v1 * v1;
            c += v2 * v2;
            d += v3 * v3;
            e += v4 * v4;
            f += v5 * v5;
            g += v6 * v6;
            h += v7 * v7;
        }

        a.Store(lanes);
        b.Store(lanes + 2);
        c.Store(lanes + 4);
        d.Store(lanes + 6);
        e.Store(lanes + 8);
        f.Store(lanes + 10);
        g.Store(lanes + 12);
        h.Store(lanes + 14);
        for (var lane = 0; i < count; i++, lane++)
        {
            lanes[lane] += (double)source[i] * source[i];
        }
    }

    private static void Widen(FlatBuffer source, long offset, float* target, int count)
    {
        var from = (ushort*)source.Pointer + offset;
        for (var i = 0; i < count; i++)
        {
            target[i] = source.Type == ElementType.BFloat16
                ? BitConverter.UInt32BitsToSingle((uint)from[i] << 16)
                : (float)BitConverter.UInt16BitsToHalf(from[i]);
        }
    }

    private static double Element(FlatBuffer buffer, long index) => buffer.Type switch
    {
        ElementType.Float64 => ((double*)buffer.Pointer)[index],
        ElementType.Float32 => ((float*)buffer.Pointer)[index],
        ElementType.Float16 => (double)((Half*)buffer.Pointer)[index],
        _ => BitConverter.UInt32BitsToSingle((uint)((ushort*)buffer.Pointer)[index] << 16),
    };
}
