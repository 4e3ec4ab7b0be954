using Crossnode.Core;
using Crossnode.Numerics;

namespace Crossnode.Collectives.Transfers;

/// <summary>What a reduction does with elements as they lie in memory, this member's weight included.</summary>
/// <remarks>Only averages are weighted; all other reductions count every member once. A part with weight 0 is skipped and
/// never multiplied, so that a NaN in it does no harm; where it starts a chain, zeros stand for it.</remarks>
internal readonly unsafe struct Arithmetic(ElementType type, ReduceOperator reduce, double weight)
{
    private readonly int _elementSize = type.Size();
    private readonly ReduceOperator _combine = reduce == ReduceOperator.Average ? ReduceOperator.Sum : reduce;

    public bool IsAverage { get; } = reduce == ReduceOperator.Average;

    public double Weight { get; } = reduce == ReduceOperator.Average ? weight : 1;

    /// <summary>Whether what this member sends of its own is not its source as it lies there.</summary>
    public bool IsScaled => Weight != 1;

    /// <summary>Writes this member's weighted part.</summary>
    public void Scale(byte* target, byte* own, long bytes)
    {
        if (Weight == 0)
        {
            new Span<byte>(target, (int)bytes).Clear();
        }
        else
        {
            ReduceKernels.Scale(type, target, own, Weight, bytes / _elementSize);
        }
    }

    /// <summary>Combines what came with this member's weighted part.</summary>
    public void CombineOwn(byte* target, byte* arrived, byte* own, long bytes, bool streams = false)
    {
        if (Weight == 1)
        {
            ReduceKernels.Combine(_combine, type, target, arrived, own, bytes / _elementSize, streams);
        }
        else if (Weight != 0)
        {
            ReduceKernels.CombineScaled(type, target, arrived, own, Weight, bytes / _elementSize, streams);
        }
        else if (target != arrived)
        {
            ReduceKernels.Copy(target, arrived, bytes, streams);
        }
    }

    /// <summary>Combines two partial results.</summary>
    public void Combine(byte* target, byte* left, byte* right, long bytes) =>
        ReduceKernels.Combine(_combine, type, target, left, right, bytes / _elementSize);

    /// <summary>Turns a finished sum into the result.</summary>
    public void Finish(byte* target, long bytes, double total)
    {
        if (IsAverage && total != 0)
        {
            ReduceKernels.Divide(type, target, total, bytes / _elementSize);
        }
    }
}
