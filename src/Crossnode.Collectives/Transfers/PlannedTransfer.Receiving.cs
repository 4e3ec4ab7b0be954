using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;
using Crossnode.Numerics;

namespace Crossnode.Collectives.Transfers;

/// <summary>Where chunks land that come, and what becomes of them.</summary>
internal sealed unsafe partial class PlannedTransfer
{
    private readonly int[] _nextReceives;
    private readonly double[] _moveWeights;
    private readonly Stash?[] _stashes;
    private readonly List<Landing> _landings = [];
    private int _stashedChunks;

    private enum LandingKind
    {
        /// <summary>At its final place.</summary>
        InPlace,

        /// <summary>In memory of its own, to be reduced into its place.</summary>
        Aside,

        /// <summary>Before its turn, in the stash of its move.</summary>
        Early,

        /// <summary>Nowhere: pieces are taken in from where the link has them.</summary>
        Direct,
    }

    public override byte* Expect(int sourceIndex, in Slice slice)
    {
        var index = ReceiveOf(sourceIndex, slice);
        var chunk = _grid.Find(_plan.Moves[index], slice.Chunk);
        Check(sourceIndex, index, chunk, slice);
        var landing = Land(index, chunk, slice.Chunk);
        _landings.Add(landing);
        return (byte*)landing.Address;
    }

    public override bool TryOpen(int sourceIndex, in Slice slice)
    {
        var index = ReceiveOf(sourceIndex, slice);
        var chunk = _grid.Find(_plan.Moves[index], slice.Chunk);
        if (_coding is not null || !IsTurnOf(index, chunk))
        {
            return false;
        }

        Check(sourceIndex, index, chunk, slice);
        _landings.Add(new Landing(index, slice.Chunk, LandingKind.Direct, (nint)WorkOf(chunk)));
        return true;
    }

    public override void Absorb(int sourceIndex, in Slice slice, int offset, byte* bytes, int length)
    {
        var place = FindLanding(sourceIndex, slice);
        Invariant.Check(place >= 0 && _landings[place].Kind == LandingKind.Direct, "a chunk was taken in that was not opened");
        var index = _landings[place].Move;
        var move = _plan.Moves[index];
        var work = (byte*)_landings[place].Address + offset;
        if (!move.IsReduction)
        {
            ReduceKernels.Copy(work, bytes, length, _streams[index]);
        }
        else if (_plan.AddsOwn[index])
        {
            var own = SourceOf(_grid.Find(move, slice.Chunk)) + offset;
            _arithmetic.CombineOwn(work, bytes, own, length, _streams[index]);
        }
        else
        {
            _arithmetic.Combine(work, work, bytes, length);
        }
    }

    public override void Received(int sourceIndex, in Slice slice)
    {
        var place = FindLanding(sourceIndex, slice);
        Invariant.Check(place >= 0, "a chunk was received before it was announced");
        var landing = _landings[place];
        _landings.RemoveAt(place);
        if (landing.Kind == LandingKind.Early)
        {
            _stashes[landing.Move]!.Arrived.Add(slice.Chunk);
            _stashedChunks++;
        }
        else if (landing.Kind == LandingKind.Direct)
        {
            Settle(landing.Move, slice.Chunk, _grid.Find(_plan.Moves[landing.Move], slice.Chunk));
        }
        else
        {
            TakeIn(landing.Move, slice.Chunk, (byte*)landing.Address);
            if (landing.Kind == LandingKind.Aside)
            {
                _spareChunks.Push(landing.Address);
            }
        }

        TakeStashed();
    }

    private void Check(int sourceIndex, int index, in Chunk chunk, in Slice slice)
    {
        var rank = _plan.Sources[sourceIndex];
        SliceCheck.Length(rank, slice, WireBytesOf(chunk));
        SliceCheck.Weight(rank, slice, _moveWeights[index]);
        _moveWeights[index] = slice.WeightSum;
    }

    private Landing Land(int index, in Chunk chunk, long number)
    {
        var move = _plan.Moves[index];
        if (!IsTurnOf(index, chunk))
        {
            return new Landing(index, number, LandingKind.Early, (nint)StashOf(index, move, chunk));
        }

        if (_coding is not null && !move.IsReduction && _coding.IsKept(chunk.Block))
        {
            return new Landing(index, number, LandingKind.InPlace, (nint)_coding.Kept(chunk));
        }

        var needsOwnMemory = _coding is not null || (move.IsReduction && !_plan.AddsOwn[index]);
        return needsOwnMemory
            ? new Landing(index, number, LandingKind.Aside, (nint)RentChunk())
            : new Landing(index, number, LandingKind.InPlace, (nint)WorkOf(chunk));
    }

    /// <summary>Reduces or copies what came into its place.</summary>
    private void TakeIn(int index, long number, byte* arrived)
    {
        var move = _plan.Moves[index];
        var chunk = _grid.Find(move, number);
        if (chunk.Count > 0)
        {
            if (_coding is null)
            {
                Combine(index, move, chunk, arrived);
            }
            else
            {
                Decode(_coding, index, move, chunk, arrived);
            }
        }

        Settle(index, number, chunk);
    }

    /// <summary>A chunk is at its place: finishes it if it was the last part, and lets others have their turn.</summary>
    private void Settle(int index, long number, in Chunk chunk)
    {
        var move = _plan.Moves[index];
        if (_isReduction)
        {
            Weigh(index, move, chunk);
            if (move.Kind == MoveKind.ReduceLast && chunk.Count > 0)
            {
                _arithmetic.Finish(WorkOf(chunk), BytesOf(chunk), _weightsAfter[index]);
                if (_coding is not null && _coding.IsKept(chunk.Block))
                {
                    _coding.Finish(WorkOf(chunk), chunk);
                }
            }
        }

        _done[index].Add(number);
        _chunksToReceive--;
    }

    private void Combine(int index, in Move move, in Chunk chunk, byte* arrived)
    {
        var bytes = BytesOf(chunk);
        var work = WorkOf(chunk);
        if (move.IsReduction)
        {
            if (_plan.AddsOwn[index])
            {
                _arithmetic.CombineOwn(work, arrived, SourceOf(chunk), bytes);
            }
            else
            {
                _arithmetic.Combine(work, work, arrived, bytes);
            }
        }
        else if (work != arrived)
        {
            Buffer.MemoryCopy(arrived, work, bytes, bytes);
        }
    }

    private void Decode(Coding coding, int index, in Move move, in Chunk chunk, byte* arrived)
    {
        var work = WorkOf(chunk);
        if (!move.IsReduction)
        {
            if (coding.IsKept(chunk.Block) && arrived != coding.Kept(chunk))
            {
                var bytes = coding.BytesOf(chunk);
                Buffer.MemoryCopy(arrived, coding.Kept(chunk), bytes, bytes);
            }

            coding.Read(work, arrived, chunk);
        }
        else if (_plan.AddsOwn[index])
        {
            coding.AddToOwn(work, SourceOf(chunk), arrived, chunk);
        }
        else
        {
            coding.Add(work, arrived, chunk);
        }
    }

    // Every chunk brings the same weight; the first one that is taken in counts.
    private void Weigh(int index, in Move move, in Chunk chunk)
    {
        if (!double.IsNaN(_weightsAfter[index]))
        {
            return;
        }

        _weightsAfter[index] = _moveWeights[index] + (move.IsReduction ? WeightBefore(index, chunk.Block) : 0);
        if (move.Kind is MoveKind.ReduceLast or MoveKind.Receive)
        {
            LearnTotal(_weightsAfter[index]);
        }
    }

    private void TakeStashed()
    {
        // What is taken in may let more of what was laid aside have its turn.
        for (var again = _stashedChunks > 0; again;)
        {
            again = false;
            for (var index = 0; index < _stashes.Length && _stashedChunks > 0; index++)
            {
                again |= _stashes[index] is { Arrived.Count: > 0 } stash && TakeStashed(index, stash);
            }
        }
    }

    private bool TakeStashed(int index, Stash stash)
    {
        var taken = false;
        for (var at = 0; at < stash.Arrived.Count;)
        {
            var number = stash.Arrived[at];
            var chunk = _grid.Find(_plan.Moves[index], number);
            if (!IsTurnOf(index, chunk))
            {
                at++;
                continue;
            }

            stash.Arrived.RemoveAt(at);
            _stashedChunks--;
            TakeIn(index, number, StashOf(index, _plan.Moves[index], chunk));
            taken = true;
        }

        return taken;
    }

    private byte* StashOf(int index, in Move move, in Chunk chunk)
    {
        if (_stashes[index] is not { } stash)
        {
            stash = new Stash(_pool.Rent(_coding is null ? RawBytesOf(move) : _chunkCounts[index] * _chunkBytes));
            _stashes[index] = stash;
        }

        var offset = _coding is null
            ? (_layout.StartOf(chunk.Block) + chunk.Start - _layout.StartOf(move.FirstBlock)) * _elementSize
            : _grid.NumberIn(move, chunk.Block, chunk.Number) * _chunkBytes;
        return (byte*)stash.Memory.Address + offset;
    }

    private long RawBytesOf(in Move move) =>
        (_layout.StartOf(move.EndBlock - 1) + _layout.LengthOf(move.EndBlock - 1) - _layout.StartOf(move.FirstBlock)) * _elementSize;

    private int ReceiveOf(int sourceIndex, in Slice slice)
    {
        var moves = _plan.ReceivesFrom[sourceIndex];
        ref var next = ref _nextReceives[sourceIndex];
        while (next < moves.Length && _done[moves[next]].Chunks == _chunkCounts[moves[next]])
        {
            next++;
        }

        for (var place = next; place < moves.Length; place++)
        {
            var index = moves[place];
            if (_plan.Moves[index].Step == slice.Step)
            {
                if ((ulong)slice.Chunk < (ulong)_chunkCounts[index] && !HasCome(index, slice.Chunk))
                {
                    return index;
                }

                break;
            }
        }

        SliceCheck.None(_plan.Sources[sourceIndex], slice);
        return -1;
    }

    private bool HasCome(int index, long number)
    {
        if (_done[index].Has(number) || (_stashes[index]?.Arrived.Contains(number) ?? false))
        {
            return true;
        }

        foreach (var landing in _landings)
        {
            if (landing.Move == index && landing.Chunk == number)
            {
                return true;
            }
        }

        return false;
    }

    private int FindLanding(int sourceIndex, in Slice slice)
    {
        for (var place = 0; place < _landings.Count; place++)
        {
            var move = _plan.Moves[_landings[place].Move];
            if (_landings[place].Chunk == slice.Chunk && move.Step == slice.Step && move.Peer == _plan.Sources[sourceIndex])
            {
                return place;
            }
        }

        return -1;
    }

    private readonly record struct Landing(int Move, long Chunk, LandingKind Kind, nint Address);

    /// <summary>Memory for a move whose chunks came before their turn.</summary>
    private sealed class Stash((nint Address, long Bytes) memory)
    {
        public (nint Address, long Bytes) Memory { get; } = memory;

        public List<long> Arrived { get; } = [];
    }
}
