using System.Runtime.CompilerServices;
using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>The definition of what <see cref="ReduceKernels"/> compute: one element at a time, by another road.</summary>
/// <remarks>Binary16 goes through <see cref="Half"/>; bfloat16 is rounded by looking for the nearer neighbour.</remarks>
internal static unsafe class ScalarKernels
{
    public static void Add(ElementType type, void* target, void* source, long count) =>
        Apply(type, target, source, count, static (t, s) => t + s, static (t, s) => t + s);

    public static void AddScaled(ElementType type, void* target, void* source, double weight, long count)
    {
        var narrow = (float)weight;
        Apply(type, target, source, count, (t, s) => t + (float)(narrow * s), (t, s) => t + (double)(weight * s));
    }

    public static void Scale(ElementType type, void* target, void* source, double weight, long count)
    {
        var narrow = (float)weight;
        Apply(type, target, source, count, (_, s) => narrow * s, (_, s) => weight * s);
    }

    public static void Divide(ElementType type, void* target, double divisor, long count)
    {
        var narrow = (float)divisor;
        Apply(type, target, target, count, (t, _) => t / narrow, (t, _) => t / divisor);
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

    private static void Apply(
        ElementType type, void* target, void* source, long count, Func<float, float, float> singles,
        Func<double, double, double> doubles)
    {
        for (var i = 0L; i < count; i++)
        {
            var to = (byte*)target + (i * type.Size());
            var from = (byte*)source + (i * type.Size());
            switch (type)
            {
                case ElementType.Float16:
                    Unsafe.WriteUnaligned(
                        to, (Half)singles((float)Unsafe.ReadUnaligned<Half>(to), (float)Unsafe.ReadUnaligned<Half>(from)));
                    break;
                case ElementType.BFloat16:
                    Unsafe.WriteUnaligned(to, ToBFloat16(singles(
                        FromBFloat16(Unsafe.ReadUnaligned<ushort>(to)), FromBFloat16(Unsafe.ReadUnaligned<ushort>(from)))));
                    break;
                case ElementType.Float32:
                    Unsafe.WriteUnaligned(
                        to, singles(Unsafe.ReadUnaligned<float>(to), Unsafe.ReadUnaligned<float>(from)));
                    break;
                default:
                    Unsafe.WriteUnaligned(
                        to, doubles(Unsafe.ReadUnaligned<double>(to), Unsafe.ReadUnaligned<double>(from)));
                    break;
            }
        }
    }
}
