using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>The greater: NaN where either is one, and -0 below +0.</summary>
internal readonly struct MaxOperation : IReduceOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Apply<T>(Vector512<T> left, Vector512<T> right, Vector512<T> factor) =>
        Vector512.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Apply<T>(Vector256<T> left, Vector256<T> right, Vector256<T> factor) =>
        Vector256.Max(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Apply<T>(Vector128<T> left, Vector128<T> right, Vector128<T> factor) =>
        Vector128.Max(left, right);
}
