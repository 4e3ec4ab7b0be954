using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Converts between binary16 and binary32 with integer and ordinary arithmetic: .NET 10 offers no instruction for it.</summary>
/// <remarks>
/// Subnormals are reached by adding a power of two, whose unit in the last place is the smallest subnormal, so that
/// the adder rounds; no operation here depends on binary32 subnormals, which a library in the process may have
/// flushed to zero. Every NaN becomes a quiet one with its sign.
/// Magnitudes stay below 2^31, where signed comparisons are right and take one instruction on every processor.
/// </remarks>
internal static class Float16Bits
{
    private const int MantissaShift = 23 - 10;
    private const int SingleSign = int.MinValue;
    private const int SingleUnit = 1 << 23;

    // The exponent and mantissa of a binary16, moved to where a binary32 has its mantissa.
    private const int MagnitudeBits = 0x7FFF << MantissaShift;

    // Lifts the exponent 31 of infinities and NaNs to their 255; Unlift brings the others, from 224 + e to 112 + e.
    private const int Lift = (255 - 31) * SingleUnit;
    private const float Unlift = 1f / (1 << 28) / (1 << 28) / (1 << 28) / (1 << 28);

    // The exponents' biases are 127 and 15.
    private const int Rebias = (127 - 15) * SingleUnit;

    // 2^-14, the smallest normal number of binary16, as a binary32.
    private const int SmallestNormal = (127 - 14) * SingleUnit;

    // 1/2: the last place of a binary32 in [1/2, 1) counts 2^-24, as that of a binary16 subnormal does.
    private const int SubnormalRounder = 126 * SingleUnit;

    // 2^16 narrows to infinity as if it were a number, and stands for all that is larger.
    private const int Overflow = (127 + 16) * SingleUnit;

    private const int QuietNaN = 0x7E00;
    private const int Sign = 0x8000;

    /// <summary>Widens lanes that hold sign-extended binary16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<int> half)
    {
        var magnitude = (half << MantissaShift) & Vector512.Create(MagnitudeBits);
        var normal = (magnitude + Vector512.Create(Lift)).AsSingle() * Vector512.Create(Unlift);
        var smallest = Vector512.Create(SmallestNormal);
        var subnormal = (magnitude + smallest).AsSingle() - smallest.AsSingle();
        var isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(SingleUnit));
        var value = Vector512.ConditionalSelect(isSubnormal.AsSingle(), subnormal, normal);
        return Vector512.ConditionalSelect(Vector512.Create(SingleSign), half, value.AsInt32()).AsSingle();
    }

    /// <summary>Rounds to binary16 in the lower half of each lane; the upper halves are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Narrow(Vector512<float> value)
    {
        var bits = value.AsInt32();
        var magnitude = Vector512.Min(bits & Vector512.Create(~SingleSign), Vector512.Create(Overflow));
        var odd = (magnitude >> MantissaShift) & Vector512<int>.One;
        var normal = (magnitude + Vector512.Create(0xFFF - Rebias) + odd) >> MantissaShift;
        var rounder = Vector512.Create(SubnormalRounder);
        var subnormal = (magnitude.AsSingle() + rounder.AsSingle()).AsInt32() - rounder;
        var isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(SmallestNormal));
        var half = Vector512.ConditionalSelect(isSubnormal, subnormal, normal);
        half = Vector512.ConditionalSelect(Vector512.Equals(value, value).AsInt32(), half, Vector512.Create(QuietNaN));
        return Vector512.ConditionalSelect(Vector512.Create(Sign), bits >>> 16, half);
    }

    /// <summary>Widens lanes that hold sign-extended binary16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<int> half)
    {
        var magnitude = (half << MantissaShift) & Vector256.Create(MagnitudeBits);
        var normal = (magnitude + Vector256.Create(Lift)).AsSingle() * Vector256.Create(Unlift);
        var smallest = Vector256.Create(SmallestNormal);
        var subnormal = (magnitude + smallest).AsSingle() - smallest.AsSingle();
        var isSubnormal = Vector256.LessThan(magnitude, Vector256.Create(SingleUnit));
        var value = Vector256.ConditionalSelect(isSubnormal.AsSingle(), subnormal, normal);
        return Vector256.ConditionalSelect(Vector256.Create(SingleSign), half, value.AsInt32()).AsSingle();
    }

    /// <summary>Rounds to binary16 in the lower half of each lane; the upper halves are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Narrow(Vector256<float> value)
    {
        var bits = value.AsInt32();
        var magnitude = Vector256.Min(bits & Vector256.Create(~SingleSign), Vector256.Create(Overflow));
        var odd = (magnitude >> MantissaShift) & Vector256<int>.One;
        var normal = (magnitude + Vector256.Create(0xFFF - Rebias) + odd) >> MantissaShift;
        var rounder = Vector256.Create(SubnormalRounder);
        var subnormal = (magnitude.AsSingle() + rounder.AsSingle()).AsInt32() - rounder;
        var isSubnormal = Vector256.LessThan(magnitude, Vector256.Create(SmallestNormal));
        var half = Vector256.ConditionalSelect(isSubnormal, subnormal, normal);
        half = Vector256.ConditionalSelect(Vector256.Equals(value, value).AsInt32(), half, Vector256.Create(QuietNaN));
        return Vector256.ConditionalSelect(Vector256.Create(Sign), bits >>> 16, half);
    }

    /// <summary>Widens lanes that hold sign-extended binary16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<int> half)
    {
        var magnitude = (half << MantissaShift) & Vector128.Create(MagnitudeBits);
        var normal = (magnitude + Vector128.Create(Lift)).AsSingle() * Vector128.Create(Unlift);
        var smallest = Vector128.Create(SmallestNormal);
        var subnormal = (magnitude + smallest).AsSingle() - smallest.AsSingle();
        var isSubnormal = Vector128.LessThan(magnitude, Vector128.Create(SingleUnit));
        var value = Vector128.ConditionalSelect(isSubnormal.AsSingle(), subnormal, normal);
        return Vector128.ConditionalSelect(Vector128.Create(SingleSign), half, value.AsInt32()).AsSingle();
    }

    /// <summary>Rounds to binary16 in the lower half of each lane; the upper halves are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Narrow(Vector128<float> value)
    {
        var bits = value.AsInt32();
        var magnitude = Vector128.Min(bits & Vector128.Create(~SingleSign), Vector128.Create(Overflow));
        var odd = (magnitude >> MantissaShift) & Vector128<int>.One;
        var normal = (magnitude + Vector128.Create(0xFFF - Rebias) + odd) >> MantissaShift;
        var rounder = Vector128.Create(SubnormalRounder);
        var subnormal = (magnitude.AsSingle() + rounder.AsSingle()).AsInt32() - rounder;
        var isSubnormal = Vector128.LessThan(magnitude, Vector128.Create(SmallestNormal));
        var half = Vector128.ConditionalSelect(isSubnormal, subnormal, normal);
        half = Vector128.ConditionalSelect(Vector128.Equals(value, value).AsInt32(), half, Vector128.Create(QuietNaN));
        return Vector128.ConditionalSelect(Vector128.Create(Sign), bits >>> 16, half);
    }
}
