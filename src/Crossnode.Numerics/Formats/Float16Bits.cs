using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Converts between binary16 and binary32 with integer and ordinary arithmetic: .NET 10 offers no instruction for it.</summary>
/// <remarks>
/// Subnormals are reached by adding a power of two, whose unit in the last place is the smallest subnormal, so that
/// the adder rounds; no operation here depends on binary32 subnormals, which a library in the process may have
/// flushed to zero. Every NaN becomes the quiet one with its sign.
/// </remarks>
internal static class Float16Bits
{
    private const uint Sign = 0x8000;
    private const uint Infinity = 0x7C00;
    private const uint QuietNaN = 0x7E00;
    private const int MantissaShift = 23 - 10;

    // The exponents' biases are 127 and 15.
    private const uint Rebias = (127 - 15) << 23;

    // 2^-14, the smallest normal number of binary16, as a binary32.
    private const uint SmallestNormal = (127 - 14) << 23;

    // 1/2: the last place of a binary32 in [1/2, 1) counts 2^-24, as that of a binary16 subnormal does.
    private const uint SubnormalRounder = 126 << 23;

    // 2^16: from here on all is infinite; [65520, 65536) gets there by rounding up.
    private const uint Overflow = (127 + 16) << 23;

    private const uint SingleInfinity = 0x7F80_0000;
    private const uint SingleSign = 0x8000_0000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<uint> half)
    {
        var sign = (half & Vector512.Create(Sign)) << 16;
        var shifted = (half & Vector512.Create(Sign - 1)) << MantissaShift;
        var normal = shifted + Vector512.Create(Rebias);
        var special = normal + Vector512.Create(Rebias);
        var subnormal = (shifted + Vector512.Create(SmallestNormal)).AsSingle() - Vector512.Create(SmallestNormal).AsSingle();
        var isFinite = IsBelow(shifted, Vector512.Create(Infinity << MantissaShift));
        var isSubnormal = IsBelow(shifted, Vector512.Create(1u << 23));
        var magnitude = Vector512.ConditionalSelect(isFinite, normal, special);
        magnitude = Vector512.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), magnitude);
        return (magnitude | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Narrow(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var magnitude = bits & Vector512.Create(SingleSign - 1);
        var sign = (bits ^ magnitude) >> 16;
        var odd = (magnitude >> MantissaShift) & Vector512<uint>.One;
        var rounded = (magnitude - Vector512.Create(Rebias - 0xFFF) + odd) >> MantissaShift;
        var rounder = Vector512.Create(SubnormalRounder);
        var subnormal = (magnitude.AsSingle() + rounder.AsSingle()).AsUInt32() - rounder;
        var isSubnormal = IsBelow(magnitude, Vector512.Create(SmallestNormal));
        var fits = IsBelow(magnitude, Vector512.Create(Overflow));
        var isNaN = IsBelow(Vector512.Create(SingleInfinity), magnitude);
        var half = Vector512.ConditionalSelect(isSubnormal, subnormal, rounded);
        half = Vector512.ConditionalSelect(fits, half, Vector512.Create(Infinity));
        half = Vector512.ConditionalSelect(isNaN, Vector512.Create(QuietNaN), half);
        return half | sign;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<uint> half)
    {
        var sign = (half & Vector256.Create(Sign)) << 16;
        var shifted = (half & Vector256.Create(Sign - 1)) << MantissaShift;
        var normal = shifted + Vector256.Create(Rebias);
        var special = normal + Vector256.Create(Rebias);
        var subnormal = (shifted + Vector256.Create(SmallestNormal)).AsSingle() - Vector256.Create(SmallestNormal).AsSingle();
        var isFinite = IsBelow(shifted, Vector256.Create(Infinity << MantissaShift));
        var isSubnormal = IsBelow(shifted, Vector256.Create(1u << 23));
        var magnitude = Vector256.ConditionalSelect(isFinite, normal, special);
        magnitude = Vector256.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), magnitude);
        return (magnitude | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Narrow(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var magnitude = bits & Vector256.Create(SingleSign - 1);
        var sign = (bits ^ magnitude) >> 16;
        var odd = (magnitude >> MantissaShift) & Vector256<uint>.One;
        var rounded = (magnitude - Vector256.Create(Rebias - 0xFFF) + odd) >> MantissaShift;
        var rounder = Vector256.Create(SubnormalRounder);
        var subnormal = (magnitude.AsSingle() + rounder.AsSingle()).AsUInt32() - rounder;
        var isSubnormal = IsBelow(magnitude, Vector256.Create(SmallestNormal));
        var fits = IsBelow(magnitude, Vector256.Create(Overflow));
        var isNaN = IsBelow(Vector256.Create(SingleInfinity), magnitude);
        var half = Vector256.ConditionalSelect(isSubnormal, subnormal, rounded);
        half = Vector256.ConditionalSelect(fits, half, Vector256.Create(Infinity));
        half = Vector256.ConditionalSelect(isNaN, Vector256.Create(QuietNaN), half);
        return half | sign;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<uint> half)
    {
        var sign = (half & Vector128.Create(Sign)) << 16;
        var shifted = (half & Vector128.Create(Sign - 1)) << MantissaShift;
        var normal = shifted + Vector128.Create(Rebias);
        var special = normal + Vector128.Create(Rebias);
        var subnormal = (shifted + Vector128.Create(SmallestNormal)).AsSingle() - Vector128.Create(SmallestNormal).AsSingle();
        var isFinite = IsBelow(shifted, Vector128.Create(Infinity << MantissaShift));
        var isSubnormal = IsBelow(shifted, Vector128.Create(1u << 23));
        var magnitude = Vector128.ConditionalSelect(isFinite, normal, special);
        magnitude = Vector128.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), magnitude);
        return (magnitude | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Narrow(Vector128<float> value)
    {
        var bits = value.AsUInt32();
        var magnitude = bits & Vector128.Create(SingleSign - 1);
        var sign = (bits ^ magnitude) >> 16;
        var odd = (magnitude >> MantissaShift) & Vector128<uint>.One;
        var rounded = (magnitude - Vector128.Create(Rebias - 0xFFF) + odd) >> MantissaShift;
        var rounder = Vector128.Create(SubnormalRounder);
        var subnormal = (magnitude.AsSingle() + rounder.AsSingle()).AsUInt32() - rounder;
        var isSubnormal = IsBelow(magnitude, Vector128.Create(SmallestNormal));
        var fits = IsBelow(magnitude, Vector128.Create(Overflow));
        var isNaN = IsBelow(Vector128.Create(SingleInfinity), magnitude);
        var half = Vector128.ConditionalSelect(isSubnormal, subnormal, rounded);
        half = Vector128.ConditionalSelect(fits, half, Vector128.Create(Infinity));
        half = Vector128.ConditionalSelect(isNaN, Vector128.Create(QuietNaN), half);
        return half | sign;
    }

    // Magnitudes stay below 2^31, where comparing signed numbers is right and takes one instruction on every processor.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> IsBelow(Vector512<uint> magnitude, Vector512<uint> limit) =>
        Vector512.LessThan(magnitude.AsInt32(), limit.AsInt32()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> IsBelow(Vector256<uint> magnitude, Vector256<uint> limit) =>
        Vector256.LessThan(magnitude.AsInt32(), limit.AsInt32()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> IsBelow(Vector128<uint> magnitude, Vector128<uint> limit) =>
        Vector128.LessThan(magnitude.AsInt32(), limit.AsInt32()).AsUInt32();
}
