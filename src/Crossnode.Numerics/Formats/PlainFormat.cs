using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>Binary32 and binary64: memory holds what is computed with.</summary>
internal readonly unsafe struct PlainFormat<TValue> : IElementFormat<TValue>
    where TValue : unmanaged
{
    public static int Bytes => sizeof(TValue);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<TValue> Load512(byte* address) => Vector512.Load((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512(byte* address, Vector512<TValue> value) => value.Store((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<TValue> Load256(byte* address) => Vector256.Load((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256(byte* address, Vector256<TValue> value) => value.Store((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<TValue> Load128(byte* address) => Vector128.Load((TValue*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(byte* address, Vector128<TValue> value) => value.Store((TValue*)address);
}
