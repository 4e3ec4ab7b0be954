using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>The mean magnitude as binary32, then the sign bit of each element, the first in the lowest bit of a byte.</summary>
internal readonly unsafe struct SignCodec : IBlockCodec
{
    private const int Header = sizeof(float);
    private const int Sums = 16;
    private const int WordBits = 32;

    public static int Elements => 512;

    public static int BytesOf(int count) => Header + ((count + 7) / 8);

    public static float Padding(float first) => 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Encode<TWidth, TFloat, TInt>(byte* encoded, float* source, int count)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        // In binary64 the sum is exact where all magnitudes are equal, and never overflows.
        var sums = stackalloc double[Sums];
        TWidth.SumMagnitudes(sums, source, Elements);
        var sum = 0.0;
        for (var i = 0; i < Sums; i++)
        {
            sum += sums[i];
        }

        if (!double.IsFinite(sum))
        {
            Unsafe.WriteUnaligned(encoded, float.NaN);
            Unsafe.InitBlockUnaligned(encoded + Header, 0, (uint)Elements / 8);
            return;
        }

        Unsafe.WriteUnaligned(encoded, (float)(sum / count));
        for (var i = 0; i < Elements; i += WordBits)
        {
            var word = 0u;
            for (var j = 0; j < WordBits; j += TWidth.Count)
            {
                word |= TWidth.SignBits(TWidth.Load<PlainFormat<float>>((byte*)(source + i + j))) << j;
            }

            Unsafe.WriteUnaligned(encoded + Header + (i / 8), word);
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
        var scale = TWidth.Bits(TWidth.Create(Unsafe.ReadUnaligned<float>(encoded)));
        var weights = TWidth.Create(leftWeight);
        for (var i = 0; i < Elements; i += WordBits)
        {
            var word = Unsafe.ReadUnaligned<uint>(encoded + Header + (i / 8));
            for (var j = 0; j < WordBits; j += TWidth.Count)
            {
                var decoded = TWidth.FromBits(TWidth.Or(scale, TWidth.FromSignBits(word >> j)));
                var operand = TWidth.Load<PlainFormat<float>>((byte*)(left + i + j));
                var result = TOperation.Apply<TWidth, TFloat, TInt>(operand, decoded, weights);
                TWidth.Store<PlainFormat<float>>((byte*)(target + i + j), result);
            }
        }
    }
}
