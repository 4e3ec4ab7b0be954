using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>What a kernel computes from one vector of each operand and the factor in every lane; not every operation uses all.</summary>
internal interface IReduceOperation
{
    static abstract Vector512<T> Apply<T>(Vector512<T> left, Vector512<T> right, Vector512<T> factor);

    static abstract Vector256<T> Apply<T>(Vector256<T> left, Vector256<T> right, Vector256<T> factor);

    static abstract Vector128<T> Apply<T>(Vector128<T> left, Vector128<T> right, Vector128<T> factor);
}
