using System.Runtime.CompilerServices;

namespace Crossnode.Numerics;

/// <summary>Walks blocks; one that is not whole, or that has to be computed first, goes through a padded copy.</summary>
internal sealed unsafe class BlockLoop<TCodec, TWidth, TFloat, TInt> : BlockEngine
    where TCodec : struct, IBlockCodec
    where TWidth : struct, IWidth<TFloat, TInt>
    where TFloat : unmanaged
    where TInt : unmanaged
{
    private const int MostElements = 512;
    private const int MostBytes = MostElements * sizeof(float);

    public override int Elements => TCodec.Elements;

    public override long Bytes(long count)
    {
        var whole = count / TCodec.Elements;
        var rest = (int)(count % TCodec.Elements);
        return checked(whole * TCodec.BytesOf(TCodec.Elements)) + (rest == 0 ? 0 : TCodec.BytesOf(rest));
    }

    public override void Encode(byte* encoded, float* source, float weight, long count)
    {
        if (weight == 1)
        {
            for (; count >= TCodec.Elements; count -= TCodec.Elements)
            {
                TCodec.Encode<TWidth, TFloat, TInt>(encoded, source, TCodec.Elements);
                source += TCodec.Elements;
                encoded += TCodec.BytesOf(TCodec.Elements);
            }
        }

        var values = stackalloc float[MostElements];
        for (int length; count > 0; count -= length)
        {
            length = (int)Math.Min(count, TCodec.Elements);
            Compute<ScaleOperation>(values, source, source, weight, length);
            EncodeCopy(encoded, values, length);
            source += length;
            encoded += TCodec.BytesOf(length);
        }
    }

    public override void EncodeWithFeedback(byte* encoded, float* source, float* residual, float weight, long count)
    {
        var values = stackalloc float[MostElements];
        for (int length; count > 0; count -= length)
        {
            length = (int)Math.Min(count, TCodec.Elements);
            Compute<AddScaledOperation>(values, residual, source, weight, length);
            EncodeCopy(encoded, values, length);
            UpdateResidual(residual, values, encoded, length);
            source += length;
            residual += length;
            encoded += TCodec.BytesOf(length);
        }
    }

    public override void Decode<TOperation>(float* target, float* left, byte* encoded, float leftWeight, long count)
    {
        for (; count >= TCodec.Elements; count -= TCodec.Elements)
        {
            TCodec.Decode<TWidth, TFloat, TInt, TOperation>(target, left, encoded, leftWeight);
            target += TCodec.Elements;
            left += TCodec.Elements;
            encoded += TCodec.BytesOf(TCodec.Elements);
        }

        if (count > 0)
        {
            DecodeCopy<TOperation>(target, left, encoded, leftWeight, (int)count);
        }
    }

    private static void Compute<TOperation>(float* values, float* left, float* right, float weight, int length)
        where TOperation : struct, IReduceOperation =>
        KernelLoop.Run<PlainFormat<float>, float, TOperation, CachedStore>(
            (byte*)values, (byte*)left, (byte*)right, weight, length, 32 * TWidth.Count);

    [SkipLocalsInit]
    private static void EncodeCopy(byte* encoded, float* values, int length)
    {
        if (length == TCodec.Elements)
        {
            TCodec.Encode<TWidth, TFloat, TInt>(encoded, values, length);
            return;
        }

        new Span<float>(values + length, TCodec.Elements - length).Fill(TCodec.Padding(values[0]));
        var whole = stackalloc byte[MostBytes];
        TCodec.Encode<TWidth, TFloat, TInt>(whole, values, length);
        Unsafe.CopyBlockUnaligned(encoded, whole, (uint)TCodec.BytesOf(length));
    }

    // The bytes that are missing decode to something that nobody reads, but the same on every run.
    private static void DecodeCopy<TOperation>(
        float* target, float* left, byte* encoded, float leftWeight, int length)
        where TOperation : struct, IDecodeOperation
    {
        var whole = stackalloc byte[MostBytes];
        var values = stackalloc float[MostElements];
        var bytes = (uint)length * sizeof(float);
        Unsafe.CopyBlockUnaligned(whole, encoded, (uint)TCodec.BytesOf(length));
        Unsafe.CopyBlockUnaligned(values, left, bytes);
        TCodec.Decode<TWidth, TFloat, TInt, TOperation>(values, values, whole, leftWeight);
        Unsafe.CopyBlockUnaligned(target, values, bytes);
    }

    // A rest that is no number would stay in the residual for good.
    [SkipLocalsInit]
    private static void UpdateResidual(float* residual, float* values, byte* encoded, int length)
    {
        var decoded = stackalloc float[MostElements];
        var previous = stackalloc float[MostElements];
        if (length == TCodec.Elements)
        {
            TCodec.Decode<TWidth, TFloat, TInt, TakeDecoded>(decoded, decoded, encoded, 1);
            Rest(residual, values, decoded);
            return;
        }

        var bytes = (uint)length * sizeof(float);
        DecodeCopy<TakeDecoded>(decoded, decoded, encoded, 1, length);
        Unsafe.CopyBlockUnaligned(previous, residual, bytes);
        Rest(previous, values, decoded);
        Unsafe.CopyBlockUnaligned(residual, previous, bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rest(float* residual, float* values, float* decoded)
    {
        for (var i = 0; i < TCodec.Elements; i += TWidth.Count)
        {
            var rest = TWidth.Subtract(
                TWidth.Load<PlainFormat<float>>((byte*)(values + i)),
                TWidth.Load<PlainFormat<float>>((byte*)(decoded + i)));
            var finite = TWidth.AtLeast(TWidth.Subtract(rest, rest), TWidth.Create(0f));
            var kept = TWidth.Select(finite, rest, TWidth.Load<PlainFormat<float>>((byte*)(residual + i)));
            TWidth.Store<PlainFormat<float>>((byte*)(residual + i), kept);
        }
    }
}
