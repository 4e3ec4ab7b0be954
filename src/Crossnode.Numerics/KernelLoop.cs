using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Walks three buffers with the widest vectors that fit what is left, down to a padded one for the tail.</summary>
/// <remarks>
/// Operands and results are whole vectors of the type computed in; the format says how they lie in memory.
/// The tail goes through the 128-bit code as well: with no scalar code there is none that could give other bits.
/// </remarks>
internal static unsafe class KernelLoop
{
    public static void Run<TFormat, TValue, TOperation, TStore>(
        byte* target, byte* left, byte* right, TValue factor, long count, int widestBits)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
        where TStore : struct, IStore
    {
        var done = 0L;
        if (widestBits >= 512 && count >= Vector512<TValue>.Count)
        {
            done = Run512<TFormat, TValue, TOperation, TStore>(target, left, right, factor, count);
        }

        if (widestBits >= 256 && count - done >= Vector256<TValue>.Count)
        {
            var at = done * TFormat.Bytes;
            done += Run256<TFormat, TValue, TOperation, TStore>(
                target + at, left + at, right + at, factor, count - done);
        }

        if (done < count)
        {
            var at = done * TFormat.Bytes;
            Run128<TFormat, TValue, TOperation, TStore>(target + at, left + at, right + at, factor, count - done);
        }
    }

    // Tier 0 code of a loop over megabytes would run for long before it is replaced.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Run512<TFormat, TValue, TOperation, TStore>(
        byte* target, byte* left, byte* right, TValue factor, long count)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
        where TStore : struct, IStore
    {
        var factors = Vector512.Create(factor);
        var vectors = count / Vector512<TValue>.Count;
        var stride = (long)Vector512<TValue>.Count * TFormat.Bytes;
        var end = target + (vectors * stride);
        for (; target < end; target += stride, left += stride, right += stride)
        {
            var value = TOperation.Apply(TFormat.Load512(left), TFormat.Load512(right), factors);
            TFormat.Store512<TStore>(target, value);
        }

        return vectors * Vector512<TValue>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Run256<TFormat, TValue, TOperation, TStore>(
        byte* target, byte* left, byte* right, TValue factor, long count)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
        where TStore : struct, IStore
    {
        var factors = Vector256.Create(factor);
        var vectors = count / Vector256<TValue>.Count;
        var stride = (long)Vector256<TValue>.Count * TFormat.Bytes;
        var end = target + (vectors * stride);
        for (; target < end; target += stride, left += stride, right += stride)
        {
            var value = TOperation.Apply(TFormat.Load256(left), TFormat.Load256(right), factors);
            TFormat.Store256<TStore>(target, value);
        }

        return vectors * Vector256<TValue>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run128<TFormat, TValue, TOperation, TStore>(
        byte* target, byte* left, byte* right, TValue factor, long count)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
        where TStore : struct, IStore
    {
        var factors = Vector128.Create(factor);
        var stride = (long)Vector128<TValue>.Count * TFormat.Bytes;
        var end = target + (count / Vector128<TValue>.Count * stride);
        for (; target < end; target += stride, left += stride, right += stride)
        {
            var value = TOperation.Apply(TFormat.Load128(left), TFormat.Load128(right), factors);
            TFormat.Store128<TStore>(target, value);
        }

        var rest = count % Vector128<TValue>.Count * TFormat.Bytes;
        if (rest > 0)
        {
            var leftTail = stackalloc byte[Vector128<byte>.Count];
            var rightTail = stackalloc byte[Vector128<byte>.Count];
            Buffer.MemoryCopy(left, leftTail, rest, rest);
            Buffer.MemoryCopy(right, rightTail, rest, rest);
            var value = TOperation.Apply(TFormat.Load128(leftTail), TFormat.Load128(rightTail), factors);
            TFormat.Store128<CachedStore>(leftTail, value);
            Buffer.MemoryCopy(leftTail, target, rest, rest);
        }
    }
}
