using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>Carries the root's buffer to all: from member to member around the ring, or down a tree without one.</summary>
/// <remarks>Pipelined by chunk: a chunk goes on as soon as it is here. On a ring everyone sends the buffer at most once.</remarks>
internal sealed unsafe class BroadcastTransfer : Transfer
{
    private readonly byte* _memory;
    private readonly ChunkGrid _chunks;
    private readonly int[] _sources;
    private readonly int[] _targets;
    private readonly long[] _sent;
    private long _here;
    private bool _isExpecting;

    public BroadcastTransfer(in PartMemory part, TopologyPlan plan, int rank, int chunkBytes)
    {
        var place = plan.BroadcastPlace(rank, part.RootRank);
        _chunks = new ChunkGrid(0, part.ByteLength, chunkBytes);
        _sources = place.Parent is { } parent ? [parent] : [];
        _targets = place.Children;
        _sent = new long[_targets.Length];
        _memory = place.Parent is null ? part.Source : part.Target;
        _here = place.Parent is null ? _chunks.Count : 0;
    }

    public override IReadOnlyList<int> Sources => _sources;

    public override IReadOnlyList<int> Targets => _targets;

    public override bool IsDataComplete => _here == _chunks.Count;

    public override bool AllSent => _sent.AsSpan().IndexOfAnyExcept(_chunks.Count) < 0;

    public override bool TryGetSend(int targetIndex, out Slice slice, out byte* payload)
    {
        if (_sent[targetIndex] == _here)
        {
            slice = default;
            payload = null;
            return false;
        }

        slice = SliceAt(_sent[targetIndex]);
        payload = _memory + slice.Offset;
        return true;
    }

    public override void Sent(int targetIndex)
    {
        Invariant.Check(_sent[targetIndex] < _here, "a slice was sent before it was ready");
        _sent[targetIndex]++;
    }

    public override byte* Expect(int sourceIndex, in Slice slice)
    {
        if (IsDataComplete)
        {
            SliceCheck.None(_sources[sourceIndex], slice);
        }

        SliceCheck.Same(_sources[sourceIndex], SliceAt(_here), slice);
        _isExpecting = true;
        return _memory + slice.Offset;
    }

    public override void Received(int sourceIndex, in Slice slice)
    {
        Invariant.Check(_isExpecting, "a slice was received before it was announced");
        _isExpecting = false;
        _here++;
    }

    private Slice SliceAt(long chunk) => new(0, _chunks.OffsetOf(chunk), _chunks.LengthOf(chunk), 0);
}
