using Crossnode.Core;

namespace Crossnode.Collectives;

/// <summary>Operations of one tag that commit together: all of them or none. An empty group is a barrier.</summary>
public sealed class OperationGroup
{
    private readonly List<OperationPart> _parts = [];

    /// <summary>The parts, in the order in which members must agree.</summary>
    public IReadOnlyList<OperationPart> Parts => _parts;

    /// <summary>This member's weight in averages: by convention its share of the global batch, so that sums fit f16.</summary>
    /// <value>
    /// 1 by default. 0 means that this member's values are skipped (never multiplied, so NaN does no harm). Weights are
    /// rounded to multiples of 2^-32, so that their sum is exact and the same in any order.
    /// </value>
    public double Weight { get; init; } = 1;

    /// <summary>Adds an all-reduce from <paramref name="source"/> into <paramref name="target"/> (the same memory: in place).</summary>
    /// <exception cref="ArgumentException">Types or counts differ, or the operator is none.</exception>
    public OperationGroup AllReduce(TensorBuffer source, TensorBuffer target, ReduceOperator reduce)
    {
        if (source.Type != target.Type || source.Count != target.Count)
        {
            throw new ArgumentException(
                $"source is {source.Count} {source.Type.Name()} but target is {target.Count} {target.Type.Name()}",
                nameof(target));
        }

        CheckType(source);
        if (reduce is not (ReduceOperator.Sum or ReduceOperator.Average))
        {
            throw new ArgumentOutOfRangeException(nameof(reduce), reduce, "use Sum or Average");
        }

        _parts.Add(new OperationPart(CollectiveKind.AllReduce, source, target, reduce, default));
        return this;
    }

    /// <summary>Adds a broadcast of <paramref name="root"/>'s buffer into everybody's.</summary>
    public OperationGroup Broadcast(TensorBuffer buffer, MemberId root)
    {
        CheckType(buffer);
        _parts.Add(new OperationPart(CollectiveKind.Broadcast, buffer, buffer, ReduceOperator.None, root));
        return this;
    }

    private static void CheckType(in TensorBuffer buffer)
    {
        if (!buffer.Type.IsKnown())
        {
            throw new ArgumentException("the buffer describes no memory; make it with one of TensorBuffer's From methods", nameof(buffer));
        }

        if (!buffer.Type.IsReducible())
        {
            throw new ArgumentException($"operations carry f16, bf16, f32 and f64, not {buffer.Type.Name()}", nameof(buffer));
        }
    }
}

/// <summary>One buffer of a group.</summary>
/// <param name="Kind">All-reduce or broadcast.</param>
/// <param name="Source">What this member contributes.</param>
/// <param name="Target">Where the result goes; the same memory as the source when in place.</param>
/// <param name="Reduce">The operator.</param>
/// <param name="Root">The broadcasting member.</param>
public readonly record struct OperationPart(
    CollectiveKind Kind, TensorBuffer Source, TensorBuffer Target, ReduceOperator Reduce, MemberId Root);
