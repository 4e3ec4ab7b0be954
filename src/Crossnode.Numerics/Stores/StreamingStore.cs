using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Crossnode.Numerics;

/// <summary>Writes past the caches: no line is read before it is overwritten, and none that is in use makes way.</summary>
/// <remarks>
/// Addresses are multiples of the vector's size, and lines should be written whole. <see cref="Fence"/> comes after the
/// last store: until then others may see it later than what was written after it.
/// </remarks>
internal readonly unsafe struct StreamingStore : IStore
{
    /// <summary>Bytes of a cache line.</summary>
    public const int Line = 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector512<byte> value) => value.StoreAlignedNonTemporal(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector256<byte> value) => value.StoreAlignedNonTemporal(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* address, Vector128<byte> value) => value.StoreAlignedNonTemporal(address);

    /// <summary>Bytes from the address to the next cache line.</summary>
    public static long ToLine(void* address) => -(nint)address & (Line - 1);

    public static void Fence()
    {
        if (Sse.IsSupported)
        {
            Sse.StoreFence();
        }
        else
        {
            Interlocked.MemoryBarrier();
        }
    }
}
