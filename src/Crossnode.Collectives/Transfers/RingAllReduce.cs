using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>All-reduce around a ring: 2(W-1) steps, 2(W-1)/W times the buffer sent by each member.</summary>
/// <remarks>
/// Pipelined by chunk: a chunk of step s+1 may go as soon as the same chunk of step s is here. A partial lands in the
/// target, own data is added to it there, and it is sent on from there. An element of segment g is summed around the
/// ring from position g, as ((g + next) + next)...; its one result then goes to everyone, so all have the same bits.
/// </remarks>
internal sealed unsafe class RingAllReduce : Transfer
{
    private readonly byte* _target;
    private readonly Contribution _own;
    private readonly RingSchedule _schedule;
    private readonly int _worldSize;
    private readonly int[] _sources;
    private readonly int[] _targets;

    // By step, because sending may be steps behind receiving.
    private readonly double[] _weightToSend;
    private double _weightReceived;
    private RingCursor _send;
    private RingCursor _receive;
    private byte* _prepared;
    private bool _isExpecting;

    public RingAllReduce(in PartMemory part, TopologyPlan plan, int rank, double weight, int chunkBytes)
    {
        var position = plan.PositionOf(rank);
        _worldSize = plan.WorldSize;
        _target = part.Target;
        _own = new Contribution(part, weight);
        _schedule = new RingSchedule(_worldSize, position, part.Count, part.ElementSize, chunkBytes);
        _sources = [plan.RankAt(position - 1)];
        _targets = [plan.RankAt(position + 1)];
        _weightToSend = new double[_schedule.StepCount + 1];
        _weightToSend[0] = _own.Weight;
        _send = RingCursor.OfSends(_schedule);
        _receive = RingCursor.OfReceives(_schedule);
    }

    public override IReadOnlyList<int> Sources => _sources;

    public override IReadOnlyList<int> Targets => _targets;

    public override bool IsDataComplete => _receive.IsAtEnd;

    public override bool AllSent => _send.IsAtEnd;

    private bool CanSend => !AllSent && _receive.IsPast(_send.Step - 1, _send.Chunk);

    public override bool TryGetSend(int targetIndex, out Slice slice, out byte* payload)
    {
        if (!CanSend)
        {
            slice = default;
            payload = null;
            return false;
        }

        slice = new Slice(_send.Step, _send.Offset, _send.Length, _weightToSend[_send.Step]);
        payload = slice.Step == 0 ? Start(slice) : _target + slice.Offset;
        return true;
    }

    public override void Sent(int targetIndex)
    {
        Invariant.Check(CanSend, "a slice was sent before it was ready");
        _prepared = null;
        _send.Advance();
    }

    public override byte* Expect(int sourceIndex, in Slice slice)
    {
        if (IsDataComplete)
        {
            SliceCheck.None(_sources[0], slice);
        }

        SliceCheck.Weight(_sources[0], slice);
        var weight = _own.IsAverage
            ? _receive.Chunk == 0 ? slice.WeightSum : _weightReceived
            : Math.Min(_receive.Step + 1, _worldSize);
        SliceCheck.Same(_sources[0], new Slice(_receive.Step, _receive.Offset, _receive.Length, weight), slice);
        _isExpecting = true;
        return _target + slice.Offset;
    }

    public override void Received(int sourceIndex, in Slice slice)
    {
        Invariant.Check(_isExpecting, "a slice was received before it was announced");
        _isExpecting = false;
        _weightReceived = slice.WeightSum;
        var weight = slice.WeightSum;
        if (slice.Step <= _schedule.LastReduceStep)
        {
            _own.AddTo(slice.Offset, slice.Length);
            weight += _own.Weight;
        }

        if (slice.Step == _schedule.LastReduceStep)
        {
            _own.Finish(slice.Offset, slice.Length, weight);
        }

        // Totals of different segments are equal while sums of weights are exact; one segment's is right for all even
        // where they are not.
        if (slice.Step >= _schedule.LastReduceStep && _receive.Segment == 0)
        {
            TotalWeight = weight;
            ZeroWeight = _own.IsAverage && weight == 0;
        }

        _weightToSend[slice.Step + 1] = weight;
        _receive.Advance();
    }

    private byte* Start(in Slice slice)
    {
        // Asked again for the same slice, scaling again would be right but slow.
        if (_prepared is null)
        {
            _prepared = _own.Start(slice.Offset, slice.Length);
        }

        return _prepared;
    }
}
