using System.Runtime.Intrinsics;

namespace Crossnode.Numerics;

/// <summary>The vector operations that codecs are written in, once for all widths.</summary>
/// <remarks>Masks have all bits of a lane set or none. Minima and maxima are for numbers, not for NaN.</remarks>
internal unsafe interface IWidth<TFloat, TInt>
    where TFloat : unmanaged
    where TInt : unmanaged
{
    /// <summary>32-bit lanes of a vector.</summary>
    static abstract int Count { get; }

    static abstract TFloat Create(float value);

    static abstract TInt Create(int value);

    static abstract TFloat Load<TFormat>(byte* address)
        where TFormat : struct, IElementFormat<float>;

    static abstract void Store<TFormat>(byte* address, TFloat value)
        where TFormat : struct, IElementFormat<float>;

    /// <summary>Bytes, one for each lane, zero-extended.</summary>
    static abstract TInt LoadBytes(byte* address);

    /// <summary>The lowest bytes of all lanes of four vectors, in order.</summary>
    static abstract void StoreBytes(byte* address, TInt a, TInt b, TInt c, TInt d);

    static abstract TFloat Add(TFloat left, TFloat right);

    static abstract TFloat Subtract(TFloat left, TFloat right);

    static abstract TFloat Multiply(TFloat left, TFloat right);

    static abstract TFloat Min(TFloat left, TFloat right);

    static abstract TFloat Max(TFloat left, TFloat right);

    static abstract TInt AtLeast(TFloat left, TFloat right);

    static abstract TFloat Select(TInt mask, TFloat whereSet, TFloat elsewhere);

    static abstract TInt Add(TInt left, TInt right);

    static abstract TInt And(TInt left, TInt right);

    static abstract TInt Or(TInt left, TInt right);

    static abstract TInt Max(TInt left, TInt right);

    static abstract TInt Above(TInt left, TInt right);

    static abstract TInt ShiftLeft(TInt value, int bits);

    static abstract TInt ShiftRight(TInt value, int bits);

    static abstract TFloat ToFloat(TInt value);

    static abstract TInt Bits(TFloat value);

    static abstract TFloat FromBits(TInt value);

    /// <summary>The sign bits of all lanes, the first lane's lowest.</summary>
    static abstract uint SignBits(TFloat value);

    /// <summary>Lanes whose sign bit is the lane's bit of the argument, and whose other bits are 0.</summary>
    static abstract TInt FromSignBits(uint bits);

    static abstract float LeastLane(TFloat value);

    static abstract float GreatestLane(TFloat value);

    static abstract int GreatestLane(TInt value);

    /// <summary>Adds up magnitudes in binary64, in sixteen sums: sum i has the elements i, i + 16 and so on.</summary>
    static abstract void SumMagnitudes(double* sums, float* source, int count);
}
