using Crossnode.Core;

namespace Crossnode.Collectives;

/// <summary>Operations of one tag that commit together: all of them or none. An empty group is a barrier.</summary>
/// <remarks>
/// Every member adds the same operations in the same order. Where a member contributes nothing, or gets nothing, the
/// buffer is left out (default). Source and target may be the same memory (in place), or, for operations of blocks, the
/// one may be this member's block of the other; they must not overlap otherwise. Blocks lie in rank order.
/// </remarks>
public sealed partial class OperationGroup
{
    // Most groups are one operation, and a part is not small.
    private readonly List<OperationPart> _parts = new(1);

    /// <summary>The parts, in the order in which members must agree.</summary>
    public IReadOnlyList<OperationPart> Parts => _parts;

    /// <summary>This member's weight in averages: by convention its share of the global batch, so that sums fit f16.</summary>
    /// <value>
    /// 1 by default. 0 means that this member's values are skipped (never multiplied, so NaN does no harm). Weights are
    /// rounded to multiples of 2^-32, so that their sum is exact and the same in any order.
    /// </value>
    public double Weight { get; init; } = 1;

    /// <summary>Adds an all-reduce: every member's target gets the reduction of all sources.</summary>
    /// <remarks>On a ring each member sends 2(W-1)/W times the buffer, in 2(W-1) steps.</remarks>
    /// <exception cref="ArgumentException">Types or counts differ, or the operator is none, or does not fit the type.</exception>
    public OperationGroup AllReduce(TensorBuffer source, TensorBuffer target, ReduceOperator reduce, Codec codec = Codec.None)
    {
        PartCheck.Type(source);
        PartCheck.SameShape(source, target);
        PartCheck.Operator(reduce, source.Type);
        PartCheck.Fits(codec, source.Type, reduce);
        return Add(new OperationPart(CollectiveKind.AllReduce, source, target, reduce, default) { Count = source.Count, Codec = codec });
    }

    /// <summary>Adds a reduce: the root's target gets the reduction of all sources. Other members give no target.</summary>
    /// <remarks>Each member sends the buffer at most once.</remarks>
    /// <inheritdoc cref="AllReduce" path="/exception"/>
    public OperationGroup Reduce(TensorBuffer source, TensorBuffer target, ReduceOperator reduce, MemberId root)
    {
        PartCheck.Type(source);
        if (target != default)
        {
            PartCheck.SameShape(source, target);
        }

        PartCheck.Operator(reduce, source.Type);
        return Add(new OperationPart(CollectiveKind.Reduce, source, target, reduce, root) { Count = source.Count });
    }

    /// <summary>Adds a reduce-scatter: every member's target gets its block of the reduction of all sources.</summary>
    /// <param name="source">One block for each member.</param>
    /// <param name="target">This member's block.</param>
    /// <param name="reduce">The operator.</param>
    /// <param name="counts">The elements of each member's block, by rank; null for equal blocks of the target's size.</param>
    /// <param name="codec">How elements are written on the wire.</param>
    /// <remarks>On a ring each member sends (W-1)/W times the source, in W-1 steps.</remarks>
    /// <inheritdoc cref="AllReduce" path="/exception"/>
    public OperationGroup ReduceScatter(
        TensorBuffer source, TensorBuffer target, ReduceOperator reduce, IReadOnlyList<long>? counts = null, Codec codec = Codec.None)
    {
        PartCheck.Type(source);
        PartCheck.SameType(source, target);
        PartCheck.Whole(source, counts);
        PartCheck.Operator(reduce, source.Type);
        PartCheck.Fits(codec, source.Type, reduce);
        return Add(new OperationPart(CollectiveKind.ReduceScatter, source, target, reduce, default)
        {
            Count = counts is null ? target.Count : source.Count, Counts = counts, Codec = codec,
        });
    }

    /// <summary>Adds an all-gather: every member's target gets all members' sources, in rank order.</summary>
    /// <param name="source">This member's block.</param>
    /// <param name="target">One block for each member.</param>
    /// <param name="counts">The elements of each member's block, by rank; null for equal blocks of the source's size.</param>
    /// <remarks>On a ring each member sends (W-1)/W times the target, in W-1 steps.</remarks>
    /// <exception cref="ArgumentException">Types differ, or counts do not add up to the target.</exception>
    public OperationGroup AllGather(TensorBuffer source, TensorBuffer target, IReadOnlyList<long>? counts = null)
    {
        PartCheck.Type(target);
        PartCheck.SameType(source, target);
        PartCheck.Whole(target, counts);
        return Add(new OperationPart(CollectiveKind.AllGather, source, target, ReduceOperator.None, default)
        {
            Count = counts is null ? source.Count : target.Count, Counts = counts,
        });
    }

    /// <summary>Adds a broadcast of <paramref name="root"/>'s buffer into everybody's.</summary>
    /// <remarks>Each member sends the buffer at most once on a ring, at most log2 W times along a tree.</remarks>
    public OperationGroup Broadcast(TensorBuffer buffer, MemberId root)
    {
        PartCheck.Type(buffer);
        return Add(new OperationPart(CollectiveKind.Broadcast, buffer, buffer, ReduceOperator.None, root) { Count = buffer.Count });
    }

    /// <summary>Adds a scatter: every member's target gets its block of the root's source. Other members give no source.</summary>
    /// <param name="source">At the root one block for each member.</param>
    /// <param name="target">This member's block.</param>
    /// <param name="root">The member whose blocks they are.</param>
    /// <param name="counts">The elements of each member's block, by rank; null for equal blocks of the target's size.</param>
    /// <exception cref="ArgumentException">Types differ, or counts do not add up to the source.</exception>
    public OperationGroup Scatter(TensorBuffer source, TensorBuffer target, MemberId root, IReadOnlyList<long>? counts = null)
    {
        PartCheck.Type(target);
        PartCheck.OptionalWhole(source, target, counts);
        return Add(new OperationPart(CollectiveKind.Scatter, source, target, ReduceOperator.None, root)
        {
            Count = counts?.Sum() ?? target.Count, Counts = counts,
        });
    }

    /// <summary>Adds a gather: the root's target gets all members' sources, in rank order. Other members give no target.</summary>
    /// <param name="source">This member's block.</param>
    /// <param name="target">At the root one block for each member.</param>
    /// <param name="root">The member that gets them.</param>
    /// <param name="counts">The elements of each member's block, by rank; null for equal blocks of the source's size.</param>
    /// <exception cref="ArgumentException">Types differ, or counts do not add up to the target.</exception>
    public OperationGroup Gather(TensorBuffer source, TensorBuffer target, MemberId root, IReadOnlyList<long>? counts = null)
    {
        PartCheck.Type(source);
        PartCheck.OptionalWhole(target, source, counts);
        return Add(new OperationPart(CollectiveKind.Gather, source, target, ReduceOperator.None, root)
        {
            Count = counts?.Sum() ?? source.Count, Counts = counts,
        });
    }

    /// <summary>Adds an all-to-all: block r of every source goes to rank r, whose target gets one block of each rank.</summary>
    /// <remarks>Each member sends (W-1)/W of its source, each block straight to its member.</remarks>
    /// <exception cref="ArgumentException">Types or counts differ.</exception>
    public OperationGroup AllToAll(TensorBuffer source, TensorBuffer target)
    {
        PartCheck.Type(source);
        PartCheck.SameShape(source, target);
        return Add(new OperationPart(CollectiveKind.AllToAll, source, target, ReduceOperator.None, default) { Count = source.Count });
    }

    /// <summary>Adds an all-to-all of uneven blocks. It needs a link between every two members.</summary>
    /// <param name="source">What goes to each rank, in rank order.</param>
    /// <param name="target">What comes from each rank, in rank order.</param>
    /// <param name="sendCounts">The elements that go to each rank.</param>
    /// <param name="receiveCounts">The elements that come from each rank: what that one sends to this.</param>
    /// <exception cref="ArgumentException">Types differ, or counts do not add up.</exception>
    public OperationGroup AllToAll(
        TensorBuffer source, TensorBuffer target, IReadOnlyList<long> sendCounts, IReadOnlyList<long> receiveCounts)
    {
        PartCheck.Type(source);
        PartCheck.SameType(source, target);
        PartCheck.Whole(source, sendCounts);
        PartCheck.Whole(target, receiveCounts);
        return Add(new OperationPart(CollectiveKind.AllToAll, source, target, ReduceOperator.None, default)
        {
            Count = source.Count, Counts = sendCounts, ReceiveCounts = receiveCounts,
        });
    }

    /// <summary>Adds a send from one member to another. All members of the run add it; only those two have to give memory.</summary>
    /// <param name="buffer">At the sender what is sent, at the receiver where it goes; elsewhere it only says type and count.</param>
    /// <param name="from">The sender.</param>
    /// <param name="to">The receiver.</param>
    public OperationGroup SendReceive(TensorBuffer buffer, MemberId from, MemberId to)
    {
        PartCheck.Type(buffer);
        return Add(new OperationPart(CollectiveKind.SendReceive, buffer, buffer, ReduceOperator.None, from)
        {
            Count = buffer.Count, Receiver = to,
        });
    }

    private OperationGroup Add(in OperationPart part)
    {
        _parts.Add(part);
        return this;
    }
}
