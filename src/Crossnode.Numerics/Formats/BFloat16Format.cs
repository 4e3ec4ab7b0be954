using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>The upper half of a binary32 in memory, computed in binary32.</summary>
internal readonly unsafe struct BFloat16Format : IElementFormat<float>
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* address) => BFloat16Bits.Widen(PackedLanes.Load512(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512<TStore>(byte* address, Vector512<float> value)
        where TStore : struct, IStore =>
        PackedLanes.Store512<TStore>(address, BFloat16Bits.Narrow(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* address) => BFloat16Bits.Widen(PackedLanes.Load256(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256<TStore>(byte* address, Vector256<float> value)
        where TStore : struct, IStore =>
        PackedLanes.Store256<TStore>(address, BFloat16Bits.Narrow(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(byte* address) => BFloat16Bits.Widen(PackedLanes.Load128(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128<TStore>(byte* address, Vector128<float> value)
        where TStore : struct, IStore =>
        PackedLanes.Store128(address, BFloat16Bits.Narrow(value));
}
