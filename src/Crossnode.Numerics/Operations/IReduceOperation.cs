using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>What a kernel computes from one vector of the target, one of the source and the factor in every lane.</summary>
internal interface IReduceOperation
{
    static abstract Vector512<T> Apply<T>(Vector512<T> target, Vector512<T> source, Vector512<T> factor);

    static abstract Vector256<T> Apply<T>(Vector256<T> target, Vector256<T> source, Vector256<T> factor);

    static abstract Vector128<T> Apply<T>(Vector128<T> target, Vector128<T> source, Vector128<T> factor);
}
