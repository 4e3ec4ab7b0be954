using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>How a vector of result bytes gets to memory.</summary>
internal unsafe interface IStore
{
    static abstract void Store(byte* address, Vector512<byte> value);

    static abstract void Store(byte* address, Vector256<byte> value);

    static abstract void Store(byte* address, Vector128<byte> value);
}
