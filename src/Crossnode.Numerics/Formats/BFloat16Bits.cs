using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Converts between bfloat16, the upper half of a binary32, and binary32.</summary>
/// <remarks>Rounds to the nearest, ties to even, by adding just under half a unit; every NaN becomes the quiet one with its sign.</remarks>
internal static class BFloat16Bits
{
    private const int HalfUnitLess = 0x7FFF;
    private const int QuietNaN = 0x7FC0;
    private const int Sign = 0x8000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(Vector512<int> packed) => (packed << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Narrow(Vector512<float> value)
    {
        var bits = value.AsInt32();
        var upper = bits >>> 16;
        var rounded = (bits + Vector512.Create(HalfUnitLess) + (upper & Vector512<int>.One)) >>> 16;
        var quiet = (upper & Vector512.Create(Sign)) | Vector512.Create(QuietNaN);
        return Vector512.ConditionalSelect(Vector512.Equals(value, value).AsInt32(), rounded, quiet);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector256<int> packed) => (packed << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Narrow(Vector256<float> value)
    {
        var bits = value.AsInt32();
        var upper = bits >>> 16;
        var rounded = (bits + Vector256.Create(HalfUnitLess) + (upper & Vector256<int>.One)) >>> 16;
        var quiet = (upper & Vector256.Create(Sign)) | Vector256.Create(QuietNaN);
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsInt32(), rounded, quiet);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(Vector128<int> packed) => (packed << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Narrow(Vector128<float> value)
    {
        var bits = value.AsInt32();
        var upper = bits >>> 16;
        var rounded = (bits + Vector128.Create(HalfUnitLess) + (upper & Vector128<int>.One)) >>> 16;
        var quiet = (upper & Vector128.Create(Sign)) | Vector128.Create(QuietNaN);
        return Vector128.ConditionalSelect(Vector128.Equals(value, value).AsInt32(), rounded, quiet);
    }
}
