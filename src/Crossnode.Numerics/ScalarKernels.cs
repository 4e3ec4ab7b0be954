using System.Runtime.CompilerServices;
using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>The definition of what <see cref="ReduceKernels"/> compute: one element at a time, by another road.</summary>
/// <remarks>
/// Binary16 goes through <see cref="Half"/>; bfloat16 is rounded by looking for the nearer neighbour; integers are
/// computed in 128 bits, of which the lower ones are kept.
/// </remarks>
internal static unsafe class ScalarKernels
{
    public static void Combine(
        ReduceOperator op, ElementType type, void* target, void* left, void* right, long count)
    {
        if (type.IsFloat())
        {
            Apply(type, target, left, right, count, (a, b) => Floats(op, a, b), (a, b) => Floats(op, a, b));
            return;
        }

        for (var i = 0L; i < count; i++)
        {
            var at = i * type.Size();
            Write(type, (byte*)target + at, Integers(op, Read(type, (byte*)left + at), Read(type, (byte*)right + at)));
        }
    }

    public static void CombineScaled(
        ElementType type, void* target, void* left, void* right, double rightWeight, long count)
    {
        var narrow = (float)rightWeight;
        Apply(
            type, target, left, right, count, (a, b) => a + (float)(narrow * b), (a, b) => a + (double)(rightWeight * b));
    }

    public static void Scale(ElementType type, void* target, void* source, double weight, long count)
    {
        var narrow = (float)weight;
        Apply(type, target, source, source, count, (_, s) => narrow * s, (_, s) => weight * s);
    }

    public static void Divide(ElementType type, void* target, double divisor, long count)
    {
        var narrow = (float)divisor;
        Apply(type, target, target, target, count, (t, _) => t / narrow, (t, _) => t / divisor);
    }

    /// <summary>Rounds to the bfloat16 whose value is nearest, on a tie to the one with an even last bit.</summary>
    public static ushort ToBFloat16(float value)
    {
        if (float.IsNaN(value))
        {
            return 0x7FC0;
        }

        var toZero = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
        if (float.IsInfinity(value))
        {
            return toZero;
        }

        // Away from the largest finite number lies 2^128, which bfloat16 writes as infinity.
        var away = (ushort)(toZero + 1);
        var magnitude = Math.Abs((double)value);
        var lower = Math.Abs((double)FromBFloat16(toZero));
        var upper = (away & 0x7FFF) == 0x7F80 ? Math.ScaleB(1, 128) : Math.Abs((double)FromBFloat16(away));
        var below = magnitude - lower;
        var above = upper - magnitude;
        return below < above ? toZero : above < below ? away : (toZero & 1) == 0 ? toZero : away;
    }

    /// <summary>The value of a bfloat16.</summary>
    public static float FromBFloat16(ushort bits) => BitConverter.Int32BitsToSingle(bits << 16);

    private static float Floats(ReduceOperator op, float left, float right) => op switch
    {
        ReduceOperator.Sum or ReduceOperator.Average => left + right,
        ReduceOperator.Min => MathF.Min(left, right),
        ReduceOperator.Max => MathF.Max(left, right),
        _ => left * right,
    };

    private static double Floats(ReduceOperator op, double left, double right) => op switch
    {
        ReduceOperator.Sum or ReduceOperator.Average => left + right,
        ReduceOperator.Min => Math.Min(left, right),
        ReduceOperator.Max => Math.Max(left, right),
        _ => left * right,
    };

    private static Int128 Integers(ReduceOperator op, Int128 left, Int128 right) => op switch
    {
        ReduceOperator.Sum => left + right,
        ReduceOperator.Min => left < right ? left : right,
        ReduceOperator.Max => left > right ? left : right,
        _ => unchecked(left * right),
    };

    private static Int128 Read(ElementType type, byte* address) => type switch
    {
        ElementType.UInt8 => *address,
        ElementType.Int8 => (sbyte)*address,
        ElementType.Int16 => Unsafe.ReadUnaligned<short>(address),
        ElementType.UInt16 => Unsafe.ReadUnaligned<ushort>(address),
        ElementType.Int32 => Unsafe.ReadUnaligned<int>(address),
        ElementType.UInt32 => Unsafe.ReadUnaligned<uint>(address),
        ElementType.Int64 => Unsafe.ReadUnaligned<long>(address),
        _ => Unsafe.ReadUnaligned<ulong>(address),
    };

    private static void Write(ElementType type, byte* address, Int128 value)
    {
        for (var i = 0; i < type.Size(); i++, value >>= 8)
        {
            address[i] = unchecked((byte)value);
        }
    }

    private static void Apply(
        ElementType type, void* target, void* left, void* right, long count, Func<float, float, float> singles,
        Func<double, double, double> doubles)
    {
        for (var i = 0L; i < count; i++)
        {
            var to = (byte*)target + (i * type.Size());
            var a = (byte*)left + (i * type.Size());
            var b = (byte*)right + (i * type.Size());
            switch (type)
            {
                case ElementType.Float16:
                    Unsafe.WriteUnaligned(
                        to, (Half)singles((float)Unsafe.ReadUnaligned<Half>(a), (float)Unsafe.ReadUnaligned<Half>(b)));
                    break;
                case ElementType.BFloat16:
                    Unsafe.WriteUnaligned(to, ToBFloat16(singles(
                        FromBFloat16(Unsafe.ReadUnaligned<ushort>(a)), FromBFloat16(Unsafe.ReadUnaligned<ushort>(b)))));
                    break;
                case ElementType.Float32:
                    Unsafe.WriteUnaligned(to, singles(Unsafe.ReadUnaligned<float>(a), Unsafe.ReadUnaligned<float>(b)));
                    break;
                default:
                    Unsafe.WriteUnaligned(to, doubles(Unsafe.ReadUnaligned<double>(a), Unsafe.ReadUnaligned<double>(b)));
                    break;
            }
        }
    }
}
