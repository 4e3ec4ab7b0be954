using Crossnode.Core;

namespace Crossnode.Collectives.Transfers;

/// <summary>One buffer of an operation at this member: what is computed, and the memory that it is computed from and into.</summary>
/// <remarks>The memory stays where it is until the transfer is disposed. Source and target do not overlap, but for a
/// broadcast, where they are the same.</remarks>
public readonly unsafe struct PartMemory(
    CollectiveKind kind, ElementType type, ReduceOperator reduce, long count, int rootRank, byte* source, byte* target)
{
    /// <summary>The operation.</summary>
    public CollectiveKind Kind { get; } = kind;

    /// <summary>The type of each element.</summary>
    public ElementType Type { get; } = type;

    /// <summary>The operator; none where nothing is reduced.</summary>
    public ReduceOperator Reduce { get; } = reduce;

    /// <summary>The number of elements of the whole: of all members' blocks together where the operation has such.</summary>
    public long Count { get; } = count;

    /// <summary>The rank that an operation with a root is from or to.</summary>
    public int RootRank { get; } = rootRank;

    /// <summary>The rank that a send goes to.</summary>
    public int ReceiverRank { get; init; }

    /// <summary>The elements of each member's block, by rank; null cuts the whole evenly.</summary>
    /// <remarks>For an all-to-all what goes to each rank, then what comes from each.</remarks>
    public IReadOnlyList<long>? Blocks { get; init; }

    /// <summary>What this member contributes; never written.</summary>
    public byte* Source { get; } = source;

    /// <summary>Where the result goes.</summary>
    public byte* Target { get; } = target;

    /// <summary>How elements are written on the wire.</summary>
    public Codec Codec { get; init; }

    internal int ElementSize => Type.Size();

    internal bool IsReduction =>
        Kind is CollectiveKind.AllReduce or CollectiveKind.Reduce or CollectiveKind.ReduceScatter;
}
