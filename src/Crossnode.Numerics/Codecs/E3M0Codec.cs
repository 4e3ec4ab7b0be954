using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>
/// The greatest magnitude as binary32, then half a byte for each element: its sign, and 0 or the exponent of the
/// nearest power of two times that magnitude. The elements i and i + 64 share a byte, the first has its lower half.
/// </summary>
internal readonly unsafe struct E3M0Codec : IBlockCodec
{
    private const int Header = sizeof(float);
    private const int Half = 64;
    private const int Magnitude = int.MaxValue;
    private const int SingleUnit = 1 << 23;
    private const int SignOfCode = 8;

    // Code 7 stands for the scale itself, 2^0, whose exponent has the bias 127.
    private const int Bias = 127 - 7;

    // Halfway between 0 and the smallest magnitude, 2^-6.
    private const float LeastKept = 1f / 128;

    public static int Elements => 2 * Half;

    public static int BytesOf(int count) => Header + Math.Min(count, Half);

    public static float Padding(float first) => 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Encode<TWidth, TFloat, TInt>(byte* encoded, float* source, int count)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        var magnitude = TWidth.Create(0);
        for (var i = 0; i < Elements; i += TWidth.Count)
        {
            var bits = TWidth.Bits(TWidth.Load<PlainFormat<float>>((byte*)(source + i)));
            magnitude = TWidth.Max(magnitude, TWidth.And(bits, TWidth.Create(Magnitude)));
        }

        var scale = BitConverter.Int32BitsToSingle(TWidth.GreatestLane(magnitude));
        if (!float.IsFinite(scale))
        {
            Unsafe.WriteUnaligned(encoded, float.NaN);
            Unsafe.InitBlockUnaligned(encoded + Header, 0, Half);
            return;
        }

        Unsafe.WriteUnaligned(encoded, scale);
        var prescale = TWidth.Create(E3M0Scale.Prescale(scale));
        var inverse = TWidth.Create(E3M0Scale.Inverse(scale));
        for (var i = 0; i < Half; i += 4 * TWidth.Count)
        {
            TWidth.StoreBytes(
                encoded + Header + i,
                Pair<TWidth, TFloat, TInt>(source + i, prescale, inverse),
                Pair<TWidth, TFloat, TInt>(source + i + TWidth.Count, prescale, inverse),
                Pair<TWidth, TFloat, TInt>(source + i + (2 * TWidth.Count), prescale, inverse),
                Pair<TWidth, TFloat, TInt>(source + i + (3 * TWidth.Count), prescale, inverse));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode<TWidth, TFloat, TInt, TOperation>(
        float* target, float* left, byte* encoded, float leftWeight)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TOperation : struct, IDecodeOperation
    {
        var scale = TWidth.Create(Unsafe.ReadUnaligned<float>(encoded));
        var weights = TWidth.Create(leftWeight);
        for (var i = 0; i < Half; i += TWidth.Count)
        {
            var pair = TWidth.LoadBytes(encoded + Header + i);
            var first = TOperation.Apply<TWidth, TFloat, TInt>(
                TWidth.Load<PlainFormat<float>>((byte*)(left + i)), Value<TWidth, TFloat, TInt>(pair, scale), weights);
            TWidth.Store<PlainFormat<float>>((byte*)(target + i), first);

            var second = TOperation.Apply<TWidth, TFloat, TInt>(
                TWidth.Load<PlainFormat<float>>((byte*)(left + i + Half)),
                Value<TWidth, TFloat, TInt>(TWidth.ShiftRight(pair, 4), scale),
                weights);
            TWidth.Store<PlainFormat<float>>((byte*)(target + i + Half), second);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInt Pair<TWidth, TFloat, TInt>(float* source, TFloat prescale, TFloat inverse)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        var first = Code<TWidth, TFloat, TInt>(source, prescale, inverse);
        var second = Code<TWidth, TFloat, TInt>(source + Half, prescale, inverse);
        return TWidth.Or(first, TWidth.ShiftLeft(second, 4));
    }

    // Adding half a mantissa carries into the exponent from 1.5 up, which is where the next power of two is nearer.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInt Code<TWidth, TFloat, TInt>(float* source, TFloat prescale, TFloat inverse)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        var value = TWidth.Load<PlainFormat<float>>((byte*)source);
        var bits = TWidth.Bits(value);
        var scaled = TWidth.Multiply(TWidth.Multiply(value, prescale), inverse);
        var ratio = TWidth.And(TWidth.Bits(scaled), TWidth.Create(Magnitude));
        var exponent = TWidth.ShiftRight(TWidth.Add(ratio, TWidth.Create(SingleUnit / 2)), 23);
        var code = TWidth.Max(TWidth.Add(exponent, TWidth.Create(-Bias)), TWidth.Create(1));
        var kept = TWidth.AtLeast(TWidth.FromBits(ratio), TWidth.Create(LeastKept));
        var sign = TWidth.And(TWidth.ShiftRight(bits, 31 - 3), TWidth.Create(SignOfCode));
        return TWidth.Or(TWidth.And(code, kept), sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Value<TWidth, TFloat, TInt>(TInt code, TFloat scale)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        var exponent = TWidth.And(code, TWidth.Create(7));
        var power = TWidth.ShiftLeft(TWidth.Add(exponent, TWidth.Create(Bias)), 23);
        power = TWidth.And(power, TWidth.Above(exponent, TWidth.Create(0)));
        var sign = TWidth.ShiftLeft(TWidth.And(code, TWidth.Create(SignOfCode)), 31 - 3);
        return TWidth.Multiply(scale, TWidth.FromBits(TWidth.Or(power, sign)));
    }
}
