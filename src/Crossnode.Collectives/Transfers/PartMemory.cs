using Crossnode.Core;

namespace Crossnode.Collectives.Transfers;

/// <summary>One buffer of an operation at this member: what is computed, and the memory that it is computed from and into.</summary>
/// <remarks>The memory stays where it is until the transfer is disposed. For an all-reduce, source and target do not
/// overlap; for a broadcast they are the same.</remarks>
public readonly unsafe struct PartMemory(
    CollectiveKind kind, ElementType type, ReduceOperator reduce, long count, int rootRank, byte* source, byte* target)
{
    /// <summary>All-reduce or broadcast.</summary>
    public CollectiveKind Kind { get; } = kind;

    /// <summary>The type of each element.</summary>
    public ElementType Type { get; } = type;

    /// <summary>The operator; none for a broadcast.</summary>
    public ReduceOperator Reduce { get; } = reduce;

    /// <summary>The number of elements.</summary>
    public long Count { get; } = count;

    /// <summary>The rank whose data a broadcast carries.</summary>
    public int RootRank { get; } = rootRank;

    /// <summary>What this member contributes; never written.</summary>
    public byte* Source { get; } = source;

    /// <summary>Where the result goes.</summary>
    public byte* Target { get; } = target;

    /// <summary>The size in bytes.</summary>
    public long ByteLength => Count * ElementSize;

    internal int ElementSize => Type.Size();
}
