using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Plans;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Numerics;

namespace Crossnode.Collectives.Transfers;

/// <summary>Carries out a plan, whatever the operation and the algorithm.</summary>
/// <remarks>
/// A chunk may be sent, or taken in, once the same chunk of the moves before it in the plan is done. What comes before
/// its turn is laid aside, so that the order of a reduction never depends on who was fast.
/// </remarks>
internal sealed unsafe partial class PlannedTransfer : Transfer
{
    // More than a core's own caches hold.
    private const long LargeBytes = 4 << 20;

    private readonly RankPlan _plan;
    private readonly BlockLayout _layout;
    private readonly ChunkGrid _grid;
    private readonly BlockMemory _memory;
    private readonly TransferPlace _place;
    private Arithmetic _arithmetic;
    private readonly Coding? _coding;
    private readonly ScratchPool _pool;
    private readonly int _elementSize;
    private readonly int _chunkBytes;
    private readonly int _worldSize;
    private readonly bool _isReduction;

    // By move: chunks that were sent, or are in the result.
    private readonly Watermark[] _done;
    private readonly long[] _chunkCounts;

    // By move: whether what it writes is large and not read again here, so that it need not go through the cache.
    private readonly bool[] _streams;

    // By move: the weight of what lies in its blocks once it is done. All blocks of a move have one history.
    private readonly double[] _weightsAfter;
    private readonly Stack<nint> _spareChunks = [];
    private readonly List<(nint Address, long Bytes)> _rentedChunks = [];
    private long _chunksToSend;
    private long _chunksToReceive;

    public PlannedTransfer(
        in PartMemory part, RankPlan plan, BlockLayout layout, TransferPlace place, double weight, int chunkBytes, ScratchPool pool)
    {
        _plan = plan;
        _layout = layout;
        _pool = pool;
        _elementSize = part.ElementSize;
        var chunkElements = Coding.Fit(part.Codec, chunkBytes / _elementSize);
        _place = place;
        _worldSize = place.WorldSize;
        _isReduction = part.IsReduction;
        _grid = new ChunkGrid(layout, chunkElements);
        _arithmetic = new Arithmetic(part.Type, part.Reduce, weight);
        _coding = part.Codec == Codec.None ? null : new Coding(part, plan, layout, chunkElements, _arithmetic.Weight, pool);

        // Encoded chunks of few elements may be longer than the elements.
        _chunkBytes = (int)Math.Max((long)chunkElements * _elementSize, Codecs.EncodedBytes(part.Codec, part.Type, chunkElements));
        _memory = new BlockMemory(part, plan, layout, place, pool);
        _done = new Watermark[plan.Moves.Length];
        _chunkCounts = new long[plan.Moves.Length];
        _moveWeights = new double[plan.Moves.Length];
        _streams = new bool[plan.Moves.Length];
        _weightsAfter = new double[plan.Moves.Length];
        _cursors = new Cursor[plan.Targets.Length];
        _nextReceives = new int[plan.Sources.Length];
        _stashes = new Stash?[plan.Moves.Length];
        for (var index = 0; index < plan.Moves.Length; index++)
        {
            _chunkCounts[index] = _grid.CountOf(plan.Moves[index]);
            _streams[index] = plan.IsLeftAlone[index] && layout.Total * _elementSize >= LargeBytes && !_arithmetic.IsAverage;
        }

        Begin();
    }

    public override IReadOnlyList<int> Sources => _plan.Sources;

    public override IReadOnlyList<int> Targets => _plan.Targets;

    public override bool IsDataComplete => _chunksToReceive == 0;

    public override bool AllSent => _chunksToSend == 0;

    internal override bool TryRestart(in PartMemory part, double weight)
    {
        if (!CanRestart)
        {
            return false;
        }

        _arithmetic = new Arithmetic(part.Type, part.Reduce, weight);
        _memory.Restart(part, _layout, _place);
        Begin();
        return true;
    }

    private bool CanRestart =>
        _coding is null && _memory.IsAllCallers && IsDataComplete && AllSent && _outgoing.Count == 0 && _landings.Count == 0;

    internal override bool TryRest()
    {
        ReturnStashes();
        return CanRestart;
    }

    private void ReturnStashes()
    {
        foreach (var stash in _stashes)
        {
            if (stash is not null)
            {
                _pool.Return(stash.Memory);
            }
        }

        Array.Clear(_stashes);
    }

    private void Begin()
    {
        TotalWeight = _isReduction && !_arithmetic.IsAverage ? _worldSize : 0;
        ZeroWeight = false;
        Array.Fill(_moveWeights, double.NaN);
        Array.Fill(_weightsAfter, double.NaN);
        Array.Clear(_cursors);
        Array.Clear(_nextReceives);
        for (var index = 0; index < _done.Length; index++)
        {
            _done[index].Clear();
            if (_plan.Moves[index].IsSend)
            {
                _chunksToSend += _chunkCounts[index];
            }
            else
            {
                _chunksToReceive += _chunkCounts[index];
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        _memory.Dispose();
        _coding?.Dispose();
        ReturnStashes();
        foreach (var block in _rentedChunks)
        {
            _pool.Return(block);
        }

        _rentedChunks.Clear();
        base.Dispose(disposing);
    }

    /// <summary>Whether the moves before this one are done with a chunk.</summary>
    private bool IsTurnOf(int index, in Chunk chunk)
    {
        foreach (var earlier in _plan.Awaited[index])
        {
            var move = _plan.Moves[earlier];
            if (chunk.Block >= move.FirstBlock && chunk.Block < move.EndBlock
                && !_done[earlier].Has(_grid.NumberIn(move, chunk.Block, chunk.Number)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The weight of what lies in a block when a move comes to it.</summary>
    private double WeightBefore(int index, int block)
    {
        foreach (var earlier in _plan.Awaited[index])
        {
            var move = _plan.Moves[earlier];
            if (!move.IsSend && block >= move.FirstBlock && block < move.EndBlock)
            {
                return _weightsAfter[earlier];
            }
        }

        return _arithmetic.Weight;
    }

    private int BytesOf(in Chunk chunk) => chunk.Count * _elementSize;

    private int WireBytesOf(in Chunk chunk) => _coding?.BytesOf(chunk) ?? BytesOf(chunk);

    private byte* SourceOf(in Chunk chunk) => _memory.Source(chunk.Block) + (chunk.Start * _elementSize);

    private byte* WorkOf(in Chunk chunk) => _memory.Work(chunk.Block) + (chunk.Start * _elementSize);

    private byte* RentChunk()
    {
        if (_spareChunks.TryPop(out var spare))
        {
            return (byte*)spare;
        }

        var rented = _pool.Rent(_chunkBytes);
        _rentedChunks.Add(rented);
        return (byte*)rented.Address;
    }

    /// <summary>One move's place in the order of those to one member.</summary>
    private struct Cursor
    {
        public int Place;
        public long Chunk;
        public byte* Prepared;
    }

    // A total that is not the number of members, where each counts as one, means that members' plans differ.
    private void LearnTotal(double total)
    {
        if (!_arithmetic.IsAverage && total != _worldSize)
        {
            throw new ProtocolException($"a reduction holds the parts of {total:R} members, but the view has {_worldSize}");
        }

        TotalWeight = total;
        ZeroWeight = total == 0;
    }
}

/// <summary>Where a transfer runs.</summary>
internal readonly record struct TransferPlace(int Rank, int WorldSize);
