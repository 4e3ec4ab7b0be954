using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>The quotient of the target and the factor; the source plays no part.</summary>
internal readonly struct DivideOperation : IReduceOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Apply<T>(Vector512<T> target, Vector512<T> source, Vector512<T> factor) =>
        target / factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Apply<T>(Vector256<T> target, Vector256<T> source, Vector256<T> factor) =>
        target / factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Apply<T>(Vector128<T> target, Vector128<T> source, Vector128<T> factor) =>
        target / factor;
}
