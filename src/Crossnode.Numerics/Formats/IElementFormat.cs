using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>How elements lie in memory, and how they become lanes of the type that is computed in.</summary>
/// <remarks>A vector of N lanes reads or writes N times <see cref="Bytes"/>, at any alignment.</remarks>
internal unsafe interface IElementFormat<TValue>
    where TValue : unmanaged
{
    /// <summary>Bytes of one element in memory.</summary>
    static abstract int Bytes { get; }

    static abstract Vector512<TValue> Load512(byte* address);

    static abstract void Store512<TStore>(byte* address, Vector512<TValue> value)
        where TStore : struct, IStore;

    static abstract Vector256<TValue> Load256(byte* address);

    static abstract void Store256<TStore>(byte* address, Vector256<TValue> value)
        where TStore : struct, IStore;

    static abstract Vector128<TValue> Load128(byte* address);

    static abstract void Store128<TStore>(byte* address, Vector128<TValue> value)
        where TStore : struct, IStore;
}
