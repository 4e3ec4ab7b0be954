using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>What goes out, and from where.</summary>
internal sealed unsafe partial class PlannedTransfer
{
    private readonly Cursor[] _cursors;

    // Chunks that were scaled or encoded into memory of their own, until they are sent.
    private readonly List<(int Move, long Chunk, nint Address)> _outgoing = [];

    public override bool TryGetSend(int targetIndex, out Slice slice, out byte* payload)
    {
        slice = default;
        payload = null;
        ref var cursor = ref _cursors[targetIndex];
        var moves = _plan.SendsTo[targetIndex];
        if (cursor.Place == moves.Length)
        {
            return false;
        }

        var index = moves[cursor.Place];
        var move = _plan.Moves[index];
        var chunk = _grid.Find(move, cursor.Chunk);
        if (!IsTurnOf(index, chunk))
        {
            return false;
        }

        slice = new Slice(move.Step, cursor.Chunk, WireBytesOf(chunk), _isReduction ? WeightBefore(index, chunk.Block) : 0);
        payload = PayloadOf(index, chunk, ref cursor);
        return true;
    }

    public override void Take(int targetIndex)
    {
        ref var cursor = ref _cursors[targetIndex];
        Invariant.Check(cursor.Place < _plan.SendsTo[targetIndex].Length, "a chunk was taken that is not there");
        var index = _plan.SendsTo[targetIndex][cursor.Place];
        if (cursor.Prepared is not null)
        {
            _outgoing.Add((index, cursor.Chunk, (nint)cursor.Prepared));
            cursor.Prepared = null;
        }

        if (++cursor.Chunk == _chunkCounts[index])
        {
            cursor.Chunk = 0;
            cursor.Place++;
        }
    }

    public override void Sent(int targetIndex, in Slice slice)
    {
        var index = SendOf(targetIndex, slice);
        _done[index].Add(slice.Chunk);
        _chunksToSend--;
        for (var at = 0; at < _outgoing.Count; at++)
        {
            if (_outgoing[at].Move == index && _outgoing[at].Chunk == slice.Chunk)
            {
                _spareChunks.Push(_outgoing[at].Address);
                _outgoing.RemoveAt(at);
                break;
            }
        }

        TakeStashed();
    }

    private byte* PayloadOf(int index, in Chunk chunk, ref Cursor cursor)
    {
        var isOwn = _plan.ReadsSource[index];
        if (_coding is not null && _plan.Moves[index].Kind == MoveKind.SendResult)
        {
            return _coding.Kept(chunk);
        }

        if (_coding is null && (!isOwn || !_arithmetic.IsScaled || chunk.Count == 0))
        {
            return isOwn ? SourceOf(chunk) : WorkOf(chunk);
        }

        if (cursor.Prepared is null)
        {
            cursor.Prepared = RentChunk();
            Prepare(cursor.Prepared, chunk, isOwn);
        }

        return cursor.Prepared;
    }

    private void Prepare(byte* target, in Chunk chunk, bool isOwn)
    {
        if (_coding is null)
        {
            _arithmetic.Scale(target, SourceOf(chunk), BytesOf(chunk));
        }
        else if (isOwn)
        {
            _coding.WriteOwn(target, SourceOf(chunk), chunk);
        }
        else
        {
            _coding.Write(target, WorkOf(chunk), chunk);
        }
    }

    private int SendOf(int targetIndex, in Slice slice)
    {
        var moves = _plan.SendsTo[targetIndex];
        ref var cursor = ref _cursors[targetIndex];
        for (var place = Math.Min(cursor.Place, moves.Length - 1); place >= 0; place--)
        {
            if (_plan.Moves[moves[place]].Step == slice.Step)
            {
                var isTaken = place < cursor.Place || slice.Chunk < cursor.Chunk;
                Invariant.Check(isTaken, "a chunk was sent that was never taken");
                return moves[place];
            }
        }

        Invariant.Fail("a chunk was sent that the plan does not have");
        return -1;
    }
}
