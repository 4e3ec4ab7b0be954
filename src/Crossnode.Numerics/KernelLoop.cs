using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Walks two buffers with the widest vectors that fit what is left, down to a padded one for the tail.</summary>
/// <remarks>
/// Operands and results are whole vectors of the type computed in; the format says how they lie in memory.
/// The tail goes through the 128-bit code as well: with no scalar code there is none that could give other bits.
/// </remarks>
internal static unsafe class KernelLoop
{
    public static void Run<TFormat, TValue, TOperation>(
        byte* target, byte* source, TValue factor, long count, int widestBits)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
    {
        var done = 0L;
        if (widestBits >= 512 && count >= Vector512<TValue>.Count)
        {
            done = Run512<TFormat, TValue, TOperation>(target, source, factor, count);
        }

        if (widestBits >= 256 && count - done >= Vector256<TValue>.Count)
        {
            var offset = done * TFormat.Bytes;
            done += Run256<TFormat, TValue, TOperation>(target + offset, source + offset, factor, count - done);
        }

        if (done < count)
        {
            var offset = done * TFormat.Bytes;
            Run128<TFormat, TValue, TOperation>(target + offset, source + offset, factor, count - done);
        }
    }

    // Tier 0 code of a loop over megabytes would run for long before it is replaced.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Run512<TFormat, TValue, TOperation>(byte* target, byte* source, TValue factor, long count)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
    {
        var factors = Vector512.Create(factor);
        var vectors = count / Vector512<TValue>.Count;
        var stride = (long)Vector512<TValue>.Count * TFormat.Bytes;
        var end = target + (vectors * stride);
        for (; target < end; target += stride, source += stride)
        {
            var value = TOperation.Apply(TFormat.Load512(target), TFormat.Load512(source), factors);
            TFormat.Store512(target, value);
        }

        return vectors * Vector512<TValue>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Run256<TFormat, TValue, TOperation>(byte* target, byte* source, TValue factor, long count)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
    {
        var factors = Vector256.Create(factor);
        var vectors = count / Vector256<TValue>.Count;
        var stride = (long)Vector256<TValue>.Count * TFormat.Bytes;
        var end = target + (vectors * stride);
        for (; target < end; target += stride, source += stride)
        {
            var value = TOperation.Apply(TFormat.Load256(target), TFormat.Load256(source), factors);
            TFormat.Store256(target, value);
        }

        return vectors * Vector256<TValue>.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run128<TFormat, TValue, TOperation>(byte* target, byte* source, TValue factor, long count)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
    {
        var factors = Vector128.Create(factor);
        var stride = (long)Vector128<TValue>.Count * TFormat.Bytes;
        var end = target + (count / Vector128<TValue>.Count * stride);
        for (; target < end; target += stride, source += stride)
        {
            var value = TOperation.Apply(TFormat.Load128(target), TFormat.Load128(source), factors);
            TFormat.Store128(target, value);
        }

        var rest = count % Vector128<TValue>.Count * TFormat.Bytes;
        if (rest > 0)
        {
            var targetTail = stackalloc byte[Vector128<byte>.Count];
            var sourceTail = stackalloc byte[Vector128<byte>.Count];
            Buffer.MemoryCopy(target, targetTail, rest, rest);
            Buffer.MemoryCopy(source, sourceTail, rest, rest);
            var value = TOperation.Apply(TFormat.Load128(targetTail), TFormat.Load128(sourceTail), factors);
            TFormat.Store128(targetTail, value);
            Buffer.MemoryCopy(targetTail, target, rest, rest);
        }
    }
}
