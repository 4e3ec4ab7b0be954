using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Plans;
using Crossnode.Core;

namespace Crossnode.Collectives.Transfers;

/// <summary>Begins transfers. Every member of a view makes the same choices, because they follow from what all know.</summary>
internal static class TransferFactory
{
    // Weights are rounded to multiples of this, so that doubles sum them exactly (up to a total of 2^21).
    private const double WeightUnit = 1.0 / (1L << 32);

    /// <summary>Begins a transfer. The memory must stay in place until it is disposed.</summary>
    /// <param name="part">What is computed, and this member's memory for it.</param>
    /// <param name="book">The plans of the view.</param>
    /// <param name="algorithm">The way to go; the book can make a plan for it.</param>
    /// <param name="weight">This member's weight in averages; other reductions do not look at it.</param>
    /// <param name="chunkBytes">The largest chunk; the same on every member, and whole elements.</param>
    /// <param name="pool">Where scratch memory comes from.</param>
    /// <exception cref="ArgumentException">The part, weight or chunk size cannot be used; nothing was touched.</exception>
    public static Transfer Create(
        in PartMemory part, PlanBook book, Algorithm algorithm, double weight, int chunkBytes, ScratchPool pool)
    {
        CheckPlace(part, book);
        CheckArithmetic(part, weight, chunkBytes);
        var rounded = Math.Round(weight / WeightUnit) * WeightUnit;
        if (book.WorldSize == 1)
        {
            return new LocalTransfer(part, rounded);
        }

        if (!book.Can(part.Kind, algorithm))
        {
            throw new ArgumentException($"{part.Kind} does not go by {algorithm} over these links ({book.Topology.Links})", nameof(algorithm));
        }

        var plan = book.PlanFor(part.Kind, algorithm, part.RootRank, part.ReceiverRank, part.Reduce == ReduceOperator.Average);
        return new PlannedTransfer(
            part, plan, LayoutOf(part, plan, book.WorldSize), new TransferPlace(book.Rank, book.WorldSize), rounded, chunkBytes, pool);
    }

    private static BlockLayout LayoutOf(in PartMemory part, RankPlan plan, int worldSize) => part.Kind switch
    {
        _ when part.Blocks is { } blocks => BlockLayout.Of(blocks),
        CollectiveKind.Reduce when plan.BlockCount == 2 => BlockLayout.Of([part.Count, 0]),

        // What goes to each, what comes from each, and what passes through are of one size.
        CollectiveKind.AllToAll => BlockLayout.Of([.. Enumerable.Repeat(part.Count / worldSize, plan.BlockCount)]),
        _ => BlockLayout.Even(part.Count, plan.BlockCount),
    };

    private static unsafe void CheckPlace(in PartMemory part, PlanBook book)
    {
        if (part.Kind is not (>= CollectiveKind.AllReduce and <= CollectiveKind.SendReceive))
        {
            throw new ArgumentException($"{part.Kind} moves no data", nameof(part));
        }

        if ((uint)part.RootRank >= (uint)book.WorldSize || (uint)part.ReceiverRank >= (uint)book.WorldSize)
        {
            throw new ArgumentException($"root {part.RootRank} or receiver {part.ReceiverRank} is not a rank below {book.WorldSize}", nameof(part));
        }

        if (part.Kind == CollectiveKind.AllReduce && book.WorldSize > 1 && Overlaps(part))
        {
            throw new ArgumentException("source and target of an all-reduce must not overlap", nameof(part));
        }
    }

    private static void CheckArithmetic(in PartMemory part, double weight, int chunkBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part.Count, nameof(part));
        if (!part.Type.IsKnown())
        {
            throw new ArgumentException($"{part.Type.Name()} has no elements that operations carry", nameof(part));
        }

        if (part.IsReduction && part.Reduce is not (>= ReduceOperator.Sum and <= ReduceOperator.Product))
        {
            throw new ArgumentException($"a reduction has an operator, not {part.Reduce}", nameof(part));
        }

        if (part.Reduce == ReduceOperator.Average && !part.Type.IsFloat())
        {
            throw new ArgumentException($"there is no average of {part.Type.Name()}: use Sum, or floats", nameof(part));
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

    private static unsafe bool Overlaps(in PartMemory part)
    {
        var bytes = part.Count * part.ElementSize;
        return part.Source < part.Target + bytes && part.Target < part.Source + bytes;
    }
}
