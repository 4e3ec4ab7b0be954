using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>The least value and a step, both binary32, then a byte for each element: how many steps it lies above.</summary>
internal readonly unsafe struct Int8Codec : IBlockCodec
{
    private const int Header = 2 * sizeof(float);
    private const int Magnitude = int.MaxValue;

    // In [2^23, 2^24) the last place of a binary32 counts 1, so adding this rounds to a whole number, ties to even.
    private const float Rounder = 1 << 23;

    public static int Elements => 256;

    public static int BytesOf(int count) => Header + count;

    public static float Padding(float first) => first;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Encode<TWidth, TFloat, TInt>(byte* encoded, float* source, int count)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        var least = TWidth.Load<PlainFormat<float>>((byte*)source);
        var greatest = least;
        var magnitude = TWidth.Create(0);
        for (var i = 0; i < Elements; i += TWidth.Count)
        {
            var value = TWidth.Load<PlainFormat<float>>((byte*)(source + i));
            least = TWidth.Min(least, value);
            greatest = TWidth.Max(greatest, value);
            magnitude = TWidth.Max(magnitude, TWidth.And(TWidth.Bits(value), TWidth.Create(Magnitude)));
        }

        if (!float.IsFinite(BitConverter.Int32BitsToSingle(TWidth.GreatestLane(magnitude))))
        {
            Int8Scale.Invalid.Write(encoded);
            Unsafe.InitBlockUnaligned(encoded + Header, 0, (uint)Elements);
            return;
        }

        var scale = Int8Scale.Of(TWidth.LeastLane(least), TWidth.GreatestLane(greatest));
        scale.Write(encoded);
        var prescale = TWidth.Create(scale.Prescale);
        var zero = TWidth.Create(scale.Least * scale.Prescale);
        var inverse = TWidth.Create(scale.Inverse);
        for (var i = 0; i < Elements; i += 4 * TWidth.Count)
        {
            TWidth.StoreBytes(
                encoded + Header + i,
                Steps<TWidth, TFloat, TInt>(source + i, prescale, zero, inverse),
                Steps<TWidth, TFloat, TInt>(source + i + TWidth.Count, prescale, zero, inverse),
                Steps<TWidth, TFloat, TInt>(source + i + (2 * TWidth.Count), prescale, zero, inverse),
                Steps<TWidth, TFloat, TInt>(source + i + (3 * TWidth.Count), prescale, zero, inverse));
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
        var scale = Int8Scale.Read(encoded);
        var zero = TWidth.Create(scale.Least * scale.Half);
        var step = TWidth.Create(scale.Step * scale.Half);
        var whole = TWidth.Create(1 / scale.Half);
        var weights = TWidth.Create(leftWeight);
        for (var i = 0; i < Elements; i += TWidth.Count)
        {
            var steps = TWidth.ToFloat(TWidth.LoadBytes(encoded + Header + i));
            var decoded = TWidth.Multiply(TWidth.Add(zero, TWidth.Multiply(steps, step)), whole);
            var operand = TWidth.Load<PlainFormat<float>>((byte*)(left + i));
            var result = TOperation.Apply<TWidth, TFloat, TInt>(operand, decoded, weights);
            TWidth.Store<PlainFormat<float>>((byte*)(target + i), result);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInt Steps<TWidth, TFloat, TInt>(float* source, TFloat prescale, TFloat zero, TFloat inverse)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        var value = TWidth.Multiply(TWidth.Load<PlainFormat<float>>((byte*)source), prescale);
        var steps = TWidth.Multiply(TWidth.Subtract(value, zero), inverse);
        return TWidth.Bits(TWidth.Add(steps, TWidth.Create(Rounder)));
    }
}
