using Crossnode.Collectives.Plans;
using Crossnode.Core;

namespace Crossnode.Collectives.Transfers;

/// <summary>Picks the algorithm for a buffer. Every member of a view picks the same, because their plans are the same.</summary>
public static class TransferFactory
{
    // Weights are rounded to multiples of this, so that doubles sum them exactly (up to a total of 2^21).
    private const double WeightUnit = 1.0 / (1L << 32);

    /// <summary>Begins a transfer. The memory must stay in place until it is disposed.</summary>
    /// <param name="part">What is computed, and this member's memory for it.</param>
    /// <param name="plan">The paths of the view.</param>
    /// <param name="rank">This member's rank in the view.</param>
    /// <param name="weight">This member's weight in averages; sums and broadcasts do not look at it.</param>
    /// <param name="chunkBytes">The largest slice; the same on every member, and whole elements.</param>
    /// <exception cref="ArgumentException">The part, rank, weight or chunk size cannot be used; nothing was touched.</exception>
    public static unsafe Transfer Create(in PartMemory part, TopologyPlan plan, int rank, double weight, int chunkBytes)
    {
        ArgumentNullException.ThrowIfNull(plan);
        CheckPlace(part, plan, rank);
        CheckArithmetic(part, weight, chunkBytes);
        var isAlone = plan.WorldSize == 1;
        var rounded = Math.Round(weight / WeightUnit) * WeightUnit;
        return part.Kind switch
        {
            _ when isAlone => new LocalTransfer(part, rounded),
            CollectiveKind.Broadcast => new BroadcastTransfer(part, plan, rank, chunkBytes),
            _ when plan.HasRing => new RingAllReduce(part, plan, rank, rounded, chunkBytes),
            _ => new TreeAllReduce(part, plan, rank, rounded, chunkBytes),
        };
    }

    private static unsafe void CheckPlace(in PartMemory part, TopologyPlan plan, int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, plan.WorldSize);
        if (part.Kind is not (CollectiveKind.AllReduce or CollectiveKind.Broadcast))
        {
            throw new ArgumentException($"{part.Kind} moves no data", nameof(part));
        }

        if (part.Kind == CollectiveKind.Broadcast && (uint)part.RootRank >= (uint)plan.WorldSize)
        {
            throw new ArgumentException($"root {part.RootRank} is not a rank below {plan.WorldSize}", nameof(part));
        }

        if (part.Kind == CollectiveKind.AllReduce && plan.WorldSize > 1 && Overlaps(part))
        {
            throw new ArgumentException("source and target of an all-reduce must not overlap", nameof(part));
        }
    }

    private static void CheckArithmetic(in PartMemory part, double weight, int chunkBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part.Count, nameof(part));
        if (!part.Type.IsReducible())
        {
            throw new ArgumentException($"{part.Type.Name()} has no elements that operations carry", nameof(part));
        }

        if (part.Kind == CollectiveKind.AllReduce && part.Reduce is not (ReduceOperator.Sum or ReduceOperator.Average))
        {
            throw new ArgumentException($"an all-reduce computes Sum or Average, not {part.Reduce}", nameof(part));
        }

        if (!double.IsFinite(weight) || weight < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight is finite and at least 0");
        }

        if (chunkBytes <= 0 || chunkBytes % part.ElementSize != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(chunkBytes), chunkBytes, $"a chunk is a positive multiple of {part.ElementSize} bytes");
        }
    }

    private static unsafe bool Overlaps(in PartMemory part) =>
        part.Source < part.Target + part.ByteLength && part.Target < part.Source + part.ByteLength;
}
