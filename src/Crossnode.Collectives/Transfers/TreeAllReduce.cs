using System.Runtime.InteropServices;
using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>All-reduce up a tree to its root and down again, for links that hold no ring.</summary>
/// <remarks>
/// Pipelined by chunk. A member with k children sends and receives the whole buffer k+1 times (the root k times). It
/// sums ((first child + own) + second child)... with children ascending: the first child's data lands in the target,
/// that of the others in scratch of the buffer's size, since a chunk may come long before its turn.
/// </remarks>
internal sealed unsafe class TreeAllReduce : Transfer
{
    private const int UpStep = 0;
    private const int DownStep = 1;

    private readonly byte* _target;
    private readonly Contribution _own;
    private readonly ChunkGrid _chunks;
    private readonly long _bufferBytes;
    private readonly int _childCount;
    private readonly bool _isRoot;

    // Children first, ascending; then the parent. The same for sources and targets.
    private readonly int[] _neighbours;
    private readonly long[] _sent;
    private readonly long[] _received;
    private readonly double[] _weights;
    private readonly bool[] _isExpecting;
    private byte* _scratch;
    private byte* _prepared;
    private long _reduced;
    private double _upWeight;

    public TreeAllReduce(in PartMemory part, TopologyPlan plan, int rank, double weight, int chunkBytes)
    {
        var place = plan.ReductionPlace(rank);
        _target = part.Target;
        _own = new Contribution(part, weight);
        _bufferBytes = part.ByteLength;
        _chunks = new ChunkGrid(0, _bufferBytes, chunkBytes);
        _childCount = place.Children.Length;
        _isRoot = place.Parent is null;
        _neighbours = place.Parent is { } parent ? [.. place.Children, parent] : place.Children;
        _sent = new long[_neighbours.Length];
        _received = new long[_neighbours.Length];
        _isExpecting = new bool[_neighbours.Length];
        _weights = [.. place.SubtreeSizes.Select(static size => (double)size), plan.WorldSize];
        _upWeight = _own.Weight;
        _reduced = _childCount == 0 ? _chunks.Count : 0;
        if (_childCount > 1)
        {
            _scratch = (byte*)NativeMemory.Alloc((nuint)(_childCount - 1), (nuint)_bufferBytes);
        }
    }

    public override IReadOnlyList<int> Sources => _neighbours;

    public override IReadOnlyList<int> Targets => _neighbours;

    public override bool IsDataComplete => FinalChunks == _chunks.Count;

    public override bool AllSent => _sent.AsSpan().IndexOfAnyExcept(_chunks.Count) < 0;

    /// <summary>The leading chunks of the target that hold the result.</summary>
    private long FinalChunks => _isRoot ? _reduced : _received[_childCount];

    public override bool TryGetSend(int targetIndex, out Slice slice, out byte* payload)
    {
        if (!CanSend(targetIndex))
        {
            slice = default;
            payload = null;
            return false;
        }

        var isUp = targetIndex == _childCount;
        slice = SliceAt(_sent[targetIndex], isUp ? UpStep : DownStep, isUp ? _upWeight : TotalWeight);
        payload = isUp && _childCount == 0 ? Start(slice) : _target + slice.Offset;
        return true;
    }

    public override void Sent(int targetIndex)
    {
        Invariant.Check(CanSend(targetIndex), "a slice was sent before it was ready");
        _sent[targetIndex]++;
        _prepared = null;
    }

    public override byte* Expect(int sourceIndex, in Slice slice)
    {
        var rank = _neighbours[sourceIndex];
        var chunk = _received[sourceIndex];
        var isUp = sourceIndex < _childCount;
        if (chunk == _chunks.Count || (!isUp && chunk >= _reduced))
        {
            SliceCheck.None(rank, slice);
        }

        SliceCheck.Weight(rank, slice);
        var weight = _own.IsAverage && chunk == 0 ? slice.WeightSum : _weights[sourceIndex];
        SliceCheck.Same(rank, SliceAt(chunk, isUp ? UpStep : DownStep, weight), slice);
        _isExpecting[sourceIndex] = true;
        return LandingPlace(sourceIndex) + slice.Offset;
    }

    public override void Received(int sourceIndex, in Slice slice)
    {
        Invariant.Check(_isExpecting[sourceIndex], "a slice was received before it was announced");
        _isExpecting[sourceIndex] = false;
        _weights[sourceIndex] = slice.WeightSum;
        _received[sourceIndex]++;
        if (sourceIndex == _childCount)
        {
            LearnTotal(slice.WeightSum);
        }
        else if (IsChunkHere(_reduced))
        {
            Reduce(SliceAt(_reduced, UpStep, 0));
        }
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_scratch);
        _scratch = null;
        base.Dispose(disposing);
    }

    private void Reduce(in Slice range)
    {
        var weight = _weights[0] + _own.Weight;
        _own.AddTo(range.Offset, range.Length);
        for (var child = 1; child < _childCount; child++)
        {
            _own.AddPartial(LandingPlace(child) + range.Offset, range.Offset, range.Length);
            weight += _weights[child];
        }

        _upWeight = weight;
        _reduced++;
        if (_isRoot)
        {
            _own.Finish(range.Offset, range.Length, weight);
            LearnTotal(weight);
        }
    }

    /// <summary>Whether every child's data of a chunk, the next to reduce, has come.</summary>
    private bool IsChunkHere(long chunk)
    {
        for (var child = 0; child < _childCount; child++)
        {
            if (_received[child] <= chunk)
            {
                return false;
            }
        }

        return true;
    }

    private bool CanSend(int targetIndex) =>
        _sent[targetIndex] < (targetIndex == _childCount ? _reduced : FinalChunks);

    private byte* LandingPlace(int sourceIndex) =>
        sourceIndex > 0 && sourceIndex < _childCount ? _scratch + ((sourceIndex - 1) * _bufferBytes) : _target;

    private Slice SliceAt(long chunk, int step, double weight) =>
        new(step, _chunks.OffsetOf(chunk), _chunks.LengthOf(chunk), weight);

    private void LearnTotal(double total)
    {
        TotalWeight = total;
        ZeroWeight = _own.IsAverage && total == 0;
    }

    private byte* Start(in Slice slice)
    {
        if (_prepared is null)
        {
            _prepared = _own.Start(slice.Offset, slice.Length);
        }

        return _prepared;
    }
}
