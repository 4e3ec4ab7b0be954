using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Plans;
using Crossnode.Core;
using Crossnode.Numerics;

namespace Crossnode.Collectives.Transfers;

/// <summary>Elements of one transfer as they are written on the wire, and the written results that are sent on.</summary>
/// <remarks>
/// Whoever finishes a block writes it once, and takes what others will read out of it for its own result; whoever passes
/// it on sends the bytes that came. So all members hold the same bits, whatever the codec loses.
/// </remarks>
internal sealed unsafe class Coding : IDisposable
{
    private readonly Codec _codec;
    private readonly ElementType _type;
    private readonly double _weight;
    private readonly long _chunkBytes;
    private readonly long[] _kept;
    private readonly ScratchPool _pool;
    private (nint Address, long Bytes) _memory;

    public Coding(in PartMemory part, RankPlan plan, BlockLayout layout, int chunkElements, double weight, ScratchPool pool)
    {
        _codec = part.Codec;
        _type = part.Type;
        _weight = weight;
        _pool = pool;
        _chunkBytes = Codecs.EncodedBytes(_codec, _type, chunkElements);
        _kept = new long[plan.BlockCount];
        Array.Fill(_kept, -1);
        long bytes = 0;
        foreach (var move in plan.Moves)
        {
            for (var block = move.FirstBlock; block < move.EndBlock && move.Kind == MoveKind.SendResult; block++)
            {
                if (_kept[block] < 0)
                {
                    _kept[block] = bytes;
                    bytes += (layout.LengthOf(block) + chunkElements - 1) / chunkElements * _chunkBytes;
                }
            }
        }

        if (bytes > 0)
        {
            _memory = pool.Rent(bytes);
        }
    }

    /// <summary>Chunks are whole blocks of the codec.</summary>
    public static int Fit(Codec codec, int chunkElements)
    {
        var block = Codecs.BlockElements(codec);
        return Math.Max(1, chunkElements / block) * block;
    }

    public int BytesOf(in Chunk chunk) => (int)Codecs.EncodedBytes(_codec, _type, chunk.Count);

    /// <summary>Whether the written result of a block is sent on from here.</summary>
    public bool IsKept(int block) => _kept[block] >= 0;

    /// <summary>Where the written result of a chunk lies.</summary>
    public byte* Kept(in Chunk chunk) => (byte*)_memory.Address + _kept[chunk.Block] + (chunk.Number * _chunkBytes);

    /// <summary>Writes this member's weighted part.</summary>
    public void WriteOwn(byte* target, byte* own, in Chunk chunk)
    {
        if (_weight != 0)
        {
            Codecs.Encode(_codec, _type, target, own, chunk.Count, _weight);
            return;
        }

        // Never multiplied in: zeros stand for it.
        var zeros = _pool.Rent(Math.Max(1, chunk.Count * _type.Size()));
        new Span<byte>((void*)zeros.Address, chunk.Count * _type.Size()).Clear();
        Codecs.Encode(_codec, _type, target, (void*)zeros.Address, chunk.Count);
        _pool.Return(zeros);
    }

    /// <summary>Writes a partial result.</summary>
    public void Write(byte* target, byte* work, in Chunk chunk) => Codecs.Encode(_codec, _type, target, work, chunk.Count);

    /// <summary>Writes a finished result that is sent on, and takes for this member what the others will read.</summary>
    public void Finish(byte* work, in Chunk chunk)
    {
        Codecs.Encode(_codec, _type, Kept(chunk), work, chunk.Count);
        Codecs.Decode(_codec, _type, work, Kept(chunk), chunk.Count);
    }

    public void Read(byte* work, byte* arrived, in Chunk chunk) => Codecs.Decode(_codec, _type, work, arrived, chunk.Count);

    /// <summary>Adds what came to this member's weighted part.</summary>
    public void AddToOwn(byte* work, byte* own, byte* arrived, in Chunk chunk)
    {
        if (_weight == 0)
        {
            Read(work, arrived, chunk);
        }
        else
        {
            Codecs.DecodeCombine(_codec, _type, work, own, arrived, chunk.Count, _weight);
        }
    }

    public void Add(byte* work, byte* arrived, in Chunk chunk) =>
        Codecs.DecodeCombine(_codec, _type, work, work, arrived, chunk.Count);

    public void Dispose()
    {
        if (_memory.Address != 0)
        {
            _pool.Return(_memory);
            _memory = default;
        }
    }
}
