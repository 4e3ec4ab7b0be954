using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Binary32, binary64 and integers: memory holds what is computed with.</summary>
internal readonly unsafe struct PlainFormat<TValue> : IElementFormat<TValue>
    where TValue : unmanaged
{
    public static int Bytes => sizeof(TValue);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<TValue> Load512(byte* address) => Vector512.Load((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512<TStore>(byte* address, Vector512<TValue> value)
        where TStore : struct, IStore =>
        TStore.Store(address, value.AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<TValue> Load256(byte* address) => Vector256.Load((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256<TStore>(byte* address, Vector256<TValue> value)
        where TStore : struct, IStore =>
        TStore.Store(address, value.AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<TValue> Load128(byte* address) => Vector128.Load((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128<TStore>(byte* address, Vector128<TValue> value)
        where TStore : struct, IStore =>
        TStore.Store(address, value.AsByte());
}
