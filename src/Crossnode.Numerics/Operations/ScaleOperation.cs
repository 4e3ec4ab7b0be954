using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>A multiple of the source; what the target held plays no part.</summary>
internal readonly struct ScaleOperation : IReduceOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Apply<T>(Vector512<T> target, Vector512<T> source, Vector512<T> factor) =>
        factor * source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Apply<T>(Vector256<T> target, Vector256<T> source, Vector256<T> factor) =>
        factor * source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Apply<T>(Vector128<T> target, Vector128<T> source, Vector128<T> factor) =>
        factor * source;
}
