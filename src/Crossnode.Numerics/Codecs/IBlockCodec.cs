namespace Crossnode.Numerics;

/// <summary>Writes binary32 elements block by block; blocks know nothing of each other.</summary>
internal unsafe interface IBlockCodec
{
    /// <summary>Elements of a whole block, a multiple of 64.</summary>
    static abstract int Elements { get; }

    /// <summary>Bytes of a block of so many elements: the first ones of what a whole block has.</summary>
    static abstract int BytesOf(int count);

    /// <summary>What stands for the elements that a block lacks, so that they change no bytes of the others.</summary>
    static abstract float Padding(float first);

    /// <summary>Writes a whole block, of which the first so many elements count and the others are padding.</summary>
    static abstract void Encode<TWidth, TFloat, TInt>(byte* encoded, float* source, int count)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;

    /// <summary>Reads a whole block, and combines it with the left operand.</summary>
    static abstract void Decode<TWidth, TFloat, TInt, TOperation>(
        float* target, float* left, byte* encoded, float leftWeight)
        where TWidth : struct, IWidth<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TOperation : struct, IDecodeOperation;
}
