using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>One codec at one width, for any number of elements.</summary>
internal abstract unsafe class BlockEngine
{
    /// <summary>Elements of a whole block.</summary>
    public abstract int Elements { get; }

    /// <summary>Bytes of so many elements.</summary>
    public abstract long Bytes(long count);

    public abstract void Encode(byte* encoded, float* source, float weight, long count);

    public abstract void EncodeWithFeedback(byte* encoded, float* source, float* residual, float weight, long count);

    public abstract void Decode<TOperation>(float* target, float* left, byte* encoded, float leftWeight, long count)
        where TOperation : struct, IDecodeOperation;

    /// <summary>The engine for binary32 elements, or null of an unknown codec.</summary>
    public static BlockEngine? For(Codec codec, int widestBits) => codec switch
    {
        Codec.None => AtWidth<FormatCodec<PlainFormat<float>>>(widestBits),
        Codec.Float16 => AtWidth<FormatCodec<Float16Format>>(widestBits),
        Codec.BFloat16 => AtWidth<FormatCodec<BFloat16Format>>(widestBits),
        Codec.Int8 => AtWidth<Int8Codec>(widestBits),
        Codec.E3M0 => AtWidth<E3M0Codec>(widestBits),
        Codec.Sign => AtWidth<SignCodec>(widestBits),
        _ => null,
    };

    private static BlockEngine AtWidth<TCodec>(int widestBits)
        where TCodec : struct, IBlockCodec => widestBits switch
        {
            >= 512 => Engines<TCodec>.At512,
            >= 256 => Engines<TCodec>.At256,
            _ => Engines<TCodec>.At128,
        };
}
