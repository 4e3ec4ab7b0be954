using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>The product; integers wrap.</summary>
internal readonly struct MultiplyOperation : IReduceOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Apply<T>(Vector512<T> left, Vector512<T> right, Vector512<T> factor) =>
        left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Apply<T>(Vector256<T> left, Vector256<T> right, Vector256<T> factor) =>
        left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Apply<T>(Vector128<T> left, Vector128<T> right, Vector128<T> factor) =>
        left * right;
}
