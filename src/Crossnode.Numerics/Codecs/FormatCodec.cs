using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>Elements in another format, each by itself: blocks are how many are converted in one go.</summary>
internal readonly unsafe struct FormatCodec<TFormat> : IBlockCodec
    where TFormat : struct, IElementFormat<float>
{
    public static int Elements => 512;

    public static int BytesOf(int count) => count * TFormat.Bytes;

    public static float Padding(float first) => 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Encode<TWidth, TFloat, TInt>(byte* encoded, float* source, int count)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        for (var i = 0; i < Elements; i += TWidth.Count)
        {
            var value = TWidth.Load<PlainFormat<float>>((byte*)(source + i));
            TWidth.Store<TFormat>(encoded + (i * TFormat.Bytes), value);
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
        var weights = TWidth.Create(leftWeight);
        for (var i = 0; i < Elements; i += TWidth.Count)
        {
            var decoded = TWidth.Load<TFormat>(encoded + (i * TFormat.Bytes));
            var operand = TWidth.Load<PlainFormat<float>>((byte*)(left + i));
            var result = TOperation.Apply<TWidth, TFloat, TInt>(operand, decoded, weights);
            TWidth.Store<PlainFormat<float>>((byte*)(target + i), result);
        }
    }
}
