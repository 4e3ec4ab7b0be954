using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Crossnode.Numerics;

/// <summary>Moves 16-bit elements between memory, where they lie packed, and 32-bit lanes, sign-extended.</summary>
internal static unsafe class PackedLanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load512(byte* address)
    {
        var packed = Vector256.Load((short*)address);
        return Avx512F.IsSupported
            ? Avx512F.ConvertToVector512Int32(packed)
            : Vector512.WidenLower(packed.ToVector512Unsafe());
    }

    // Vector512.Narrow would pack two vectors; one instruction packs the one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store512<TStore>(byte* address, Vector512<int> lanes)
        where TStore : struct, IStore
    {
        var packed = Avx512F.IsSupported
            ? Avx512F.ConvertToVector256Int16(lanes)
            : Vector256.Narrow(lanes.GetLower(), lanes.GetUpper());
        TStore.Store(address, packed.AsByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load256(byte* address)
    {
        var packed = Vector128.Load((short*)address);
        return Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(packed)
            : Vector256.WidenLower(packed.ToVector256Unsafe());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store256<TStore>(byte* address, Vector256<int> lanes)
        where TStore : struct, IStore =>
        TStore.Store(address, Vector128.Narrow(lanes.GetLower(), lanes.GetUpper()).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load128(byte* address) =>
        Vector128.WidenLower(Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(address)).AsInt16());

    // Half a vector of bytes, for which there is no streaming store.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store128(byte* address, Vector128<int> lanes) =>
        Unsafe.WriteUnaligned(address, Vector128.Narrow(lanes, lanes).AsUInt64().ToScalar());
}
