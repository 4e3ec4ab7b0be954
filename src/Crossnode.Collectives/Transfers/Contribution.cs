using Crossnode.Core;
using Crossnode.Numerics;

namespace Crossnode.Collectives.Transfers;

/// <summary>This member's part in a reduction, and the arithmetic on it.</summary>
/// <remarks>Sums count every member once, whatever its weight. A part with weight 0 is skipped and never multiplied,
/// so that a NaN in it does no harm; where it starts a chain, zeros stand for it.</remarks>
internal readonly unsafe struct Contribution(in PartMemory part, double weight)
{
    private readonly ElementType _type = part.Type;
    private readonly int _elementSize = part.Type.Size();
    private readonly byte* _source = part.Source;
    private readonly byte* _target = part.Target;

    public bool IsAverage { get; } = part.Reduce == ReduceOperator.Average;

    public double Weight { get; } = part.Reduce == ReduceOperator.Average ? weight : 1;

    /// <summary>The weighted part as bytes to send: the source itself, or scaled into the target.</summary>
    /// <remarks>The target is free there: what comes to lie in it later is computed from these very bytes elsewhere.</remarks>
    public byte* Start(long offset, int length)
    {
        if (Weight == 1)
        {
            return _source + offset;
        }

        var target = _target + offset;
        if (Weight == 0)
        {
            new Span<byte>(target, length).Clear();
        }
        else if (length > 0)
        {
            ReduceKernels.Scale(_type, target, _source + offset, Weight, length / _elementSize);
        }

        return target;
    }

    /// <summary>Adds the weighted part to what lies in the target.</summary>
    public void AddTo(long offset, int length)
    {
        if (Weight != 0 && length > 0)
        {
            ReduceKernels.AddScaled(_type, _target + offset, _source + offset, Weight, length / _elementSize);
        }
    }

    /// <summary>Adds another member's partial sum to what lies in the target.</summary>
    public void AddPartial(byte* partial, long offset, int length)
    {
        if (length > 0)
        {
            ReduceKernels.Add(_type, _target + offset, partial, length / _elementSize);
        }
    }

    /// <summary>Turns the sum in the target into the result.</summary>
    public void Finish(long offset, int length, double total)
    {
        if (IsAverage && total != 0 && length > 0)
        {
            ReduceKernels.Divide(_type, _target + offset, total, length / _elementSize);
        }
    }
}
