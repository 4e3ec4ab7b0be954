using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>What becomes of a decoded vector.</summary>
internal interface IDecodeOperation
{
    static abstract TFloat Apply<TWidth, TFloat, TInt>(TFloat left, TFloat decoded, TFloat leftWeight)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;
}

/// <summary>It is the result.</summary>
internal readonly struct TakeDecoded : IDecodeOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Apply<TWidth, TFloat, TInt>(TFloat left, TFloat decoded, TFloat leftWeight)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => decoded;
}

/// <summary>It is added to the left operand.</summary>
internal readonly struct AddDecoded : IDecodeOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Apply<TWidth, TFloat, TInt>(TFloat left, TFloat decoded, TFloat leftWeight)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TWidth.Add(left, decoded);
}

/// <summary>It is added to a multiple of the left operand, the product rounded first.</summary>
internal readonly struct AddDecodedToScaled : IDecodeOperation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Apply<TWidth, TFloat, TInt>(TFloat left, TFloat decoded, TFloat leftWeight)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TWidth.Add(TWidth.Multiply(leftWeight, left), decoded);
}
