using Crossnode.Collectives.Plans;

namespace Crossnode.Collectives.Transfers;

/// <summary>The blocks of a plan cut into chunks; the same cut for every move, so that chunks wait for chunks.</summary>
/// <remarks>An empty block is one empty chunk: it travels like any other, so that weights do.</remarks>
internal sealed class ChunkGrid
{
    private readonly BlockLayout _layout;
    private readonly long[] _firstChunks;
    private readonly int _chunkElements;

    public ChunkGrid(BlockLayout layout, int chunkElements)
    {
        _layout = layout;
        _chunkElements = chunkElements;
        _firstChunks = new long[layout.Count + 1];
        for (var block = 0; block < layout.Count; block++)
        {
            var chunks = (layout.LengthOf(block) + chunkElements - 1) / chunkElements;
            _firstChunks[block + 1] = _firstChunks[block] + Math.Max(1, chunks);
        }
    }

    /// <summary>The number of chunks of a move.</summary>
    public long CountOf(in Move move) => _firstChunks[move.EndBlock] - _firstChunks[move.FirstBlock];

    /// <summary>The number that a chunk of a block has within a move.</summary>
    public long NumberIn(in Move move, int block, long chunkOfBlock) =>
        _firstChunks[block] - _firstChunks[move.FirstBlock] + chunkOfBlock;

    /// <summary>Finds a chunk of a move.</summary>
    public Chunk Find(in Move move, long number)
    {
        var global = _firstChunks[move.FirstBlock] + number;
        var block = move.FirstBlock;
        while (global >= _firstChunks[block + 1])
        {
            block++;
        }

        var ofBlock = global - _firstChunks[block];
        var start = ofBlock * _chunkElements;
        return new Chunk(block, ofBlock, start, (int)Math.Min(_chunkElements, _layout.LengthOf(block) - start));
    }
}

/// <summary>A piece of a block.</summary>
/// <param name="Block">The block.</param>
/// <param name="Number">Its number within the block.</param>
/// <param name="Start">The elements of the block before it.</param>
/// <param name="Count">Its elements.</param>
internal readonly record struct Chunk(int Block, long Number, long Start, int Count);
