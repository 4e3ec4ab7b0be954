using Crossnode.Core;

namespace Crossnode.Collectives;

/// <summary>One buffer of a group.</summary>
/// <param name="Kind">The operation.</param>
/// <param name="Source">What this member contributes; no memory where it contributes nothing.</param>
/// <param name="Target">Where the result goes; no memory where it gets none, and the source's when in place.</param>
/// <param name="Reduce">The operator; none where nothing is reduced.</param>
/// <param name="Root">The member that an operation with a root is from or to.</param>
public readonly record struct OperationPart(
    CollectiveKind Kind, TensorBuffer Source, TensorBuffer Target, ReduceOperator Reduce, MemberId Root)
{
    /// <summary>The type of the elements, on every member.</summary>
    public ElementType Type => Source.Type == ElementType.None ? Target.Type : Source.Type;

    /// <summary>The elements of the whole, on every member: for operations of equal blocks of one block.</summary>
    public long Count { get; init; }

    /// <summary>The elements of each member's block, by rank; null where blocks are equal, or there are none.</summary>
    public IReadOnlyList<long>? Counts { get; init; }

    /// <summary>For an all-to-all of uneven blocks, the elements that come from each rank.</summary>
    public IReadOnlyList<long>? ReceiveCounts { get; init; }

    /// <summary>The member that a send goes to.</summary>
    public MemberId Receiver { get; init; }

    /// <summary>How elements are written on the wire.</summary>
    public Codec Codec { get; init; }

    /// <summary>Whether <see cref="Count"/> is of one block, and there is one for each member.</summary>
    internal bool HasEqualBlocks => Counts is null && Kind is
        CollectiveKind.ReduceScatter or CollectiveKind.AllGather or CollectiveKind.Scatter or CollectiveKind.Gather
        or CollectiveKind.AllToAll;

    /// <summary>Whether the operation reads what it overwrites, so that its input is kept aside when in place.</summary>
    internal bool OverwritesInput => Kind is
        CollectiveKind.AllReduce or CollectiveKind.Reduce or CollectiveKind.ReduceScatter or CollectiveKind.AllToAll
        or CollectiveKind.Broadcast or CollectiveKind.SendReceive;

    internal bool HasRoot => Kind is
        CollectiveKind.Broadcast or CollectiveKind.Reduce or CollectiveKind.Scatter or CollectiveKind.Gather
        or CollectiveKind.SendReceive;
}
