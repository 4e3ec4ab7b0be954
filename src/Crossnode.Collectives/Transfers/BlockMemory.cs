using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Plans;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>Where each block of a plan lies at this member: its own part of it, and the place of what is computed or received.</summary>
/// <remarks>Blocks that only pass through lie in rented memory.</remarks>
internal sealed unsafe class BlockMemory : IDisposable
{
    private readonly byte*[] _sources;
    private readonly byte*[] _works;
    private readonly ScratchPool _pool;
    private (nint Address, long Bytes) _rented;

    public BlockMemory(in PartMemory part, RankPlan plan, BlockLayout layout, TransferPlace place, ScratchPool pool)
    {
        _pool = pool;
        _sources = new byte*[plan.BlockCount];
        _works = new byte*[plan.BlockCount];
        FindHomes(part, layout, place);
        RentForPassingThrough(part, plan, layout);
        CopyOwn(part, layout, place);
    }

    /// <summary>Whether all blocks lie in the caller's memory.</summary>
    public bool IsAllCallers => _rented.Address == 0;

    /// <summary>Takes other memory of the same shape.</summary>
    public void Restart(in PartMemory part, BlockLayout layout, TransferPlace place)
    {
        Invariant.Check(IsAllCallers, "rented memory would lose its blocks");
        FindHomes(part, layout, place);
        CopyOwn(part, layout, place);
    }

    /// <summary>This member's own part of a block.</summary>
    public byte* Source(int block) => _sources[block];

    /// <summary>Where results and partial results of a block lie.</summary>
    public byte* Work(int block) => _works[block];

    public void Dispose()
    {
        if (_rented.Address != 0)
        {
            _pool.Return(_rented);
            _rented = default;
        }
    }

    private void FindHomes(in PartMemory part, BlockLayout layout, TransferPlace place)
    {
        for (var block = 0; block < _works.Length; block++)
        {
            var home = HomeOf(part, layout, place, block);
            _sources[block] = home.Source;
            _works[block] = home.Work;
        }
    }

    private static Home HomeOf(in PartMemory part, BlockLayout layout, TransferPlace place, int block)
    {
        var (rank, world) = place;
        var offset = layout.StartOf(block) * part.ElementSize;
        var isRoot = rank == part.RootRank;
        var isOwn = block == rank;
        return part.Kind switch
        {
            CollectiveKind.AllReduce => new(part.Source + offset, part.Target + offset),
            CollectiveKind.Reduce => new(part.Source + offset, isRoot ? part.Target + offset : null),
            CollectiveKind.ReduceScatter => new(part.Source + offset, isOwn ? part.Target : null),
            CollectiveKind.AllGather => new(null, part.Target + offset),
            CollectiveKind.Broadcast => new(null, (isRoot ? part.Source : part.Target) + offset),
            CollectiveKind.Scatter => new(null, isRoot ? part.Source + offset : isOwn ? part.Target : null),
            CollectiveKind.Gather => new(null, isRoot ? part.Target + offset : isOwn ? part.Source : null),
            CollectiveKind.AllToAll when block < world => new(null, part.Source + offset),
            CollectiveKind.AllToAll when block < 2 * world => new(
                null, part.Target + offset - (layout.StartOf(world) * part.ElementSize)),
            CollectiveKind.AllToAll => default,
            _ => new(null, isRoot ? part.Source : rank == part.ReceiverRank ? part.Target : null),
        };
    }

    private void RentForPassingThrough(in PartMemory part, RankPlan plan, BlockLayout layout)
    {
        var passing = new bool[plan.BlockCount];
        foreach (var move in plan.Moves)
        {
            for (var block = move.FirstBlock; block < move.EndBlock && !move.IsSend; block++)
            {
                passing[block] = _works[block] is null;
            }
        }

        long bytes = 0;
        for (var block = 0; block < passing.Length; block++)
        {
            bytes += passing[block] ? layout.LengthOf(block) * part.ElementSize : 0;
        }

        if (bytes == 0)
        {
            return;
        }

        _rented = _pool.Rent(bytes);
        var next = (byte*)_rented.Address;
        for (var block = 0; block < passing.Length; block++)
        {
            if (passing[block])
            {
                _works[block] = next;
                next += layout.LengthOf(block) * part.ElementSize;
            }
        }
    }

    // What a member gives to itself travels nowhere.
    private static void CopyOwn(in PartMemory part, BlockLayout layout, TransferPlace place)
    {
        var (rank, world) = place;
        var isRoot = rank == part.RootRank;
        var (from, to, block) = part.Kind switch
        {
            CollectiveKind.AllGather => (0L, layout.StartOf(rank), rank),
            CollectiveKind.Gather when isRoot => (0L, layout.StartOf(rank), rank),
            CollectiveKind.Scatter when isRoot => (layout.StartOf(rank), 0L, rank),
            CollectiveKind.AllToAll =>
                (layout.StartOf(rank), layout.StartOf(world + rank) - layout.StartOf(world), rank),
            CollectiveKind.SendReceive when isRoot && rank == part.ReceiverRank => (0L, 0L, 0),
            _ => (0L, 0L, -1),
        };
        var source = part.Source + (from * part.ElementSize);
        var target = part.Target + (to * part.ElementSize);
        if (block >= 0 && source != target)
        {
            var bytes = layout.LengthOf(block) * part.ElementSize;
            Buffer.MemoryCopy(source, target, bytes, bytes);
        }
    }

    /// <summary>The addresses of one block; null where it has none here.</summary>
    private readonly struct Home(byte* source, byte* work)
    {
        public byte* Source { get; } = source;

        public byte* Work { get; } = work;
    }
}
