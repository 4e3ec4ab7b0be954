using System.Diagnostics.CodeAnalysis;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;

namespace Crossnode.Collectives.Plans;

/// <summary>The way that an operation takes in a view, and the size of its chunks.</summary>
/// <param name="Algorithm">How its data travels.</param>
/// <param name="ChunkBytes">The largest chunk.</param>
public readonly record struct Pick(Algorithm Algorithm, int ChunkBytes);

/// <summary>Picks algorithms. The same on every member of a view: it looks only at what all of them know.</summary>
/// <remarks>
/// Chunks are not made smaller for small buffers, so that more of them overlap: over loopback sixteen chunks of a 1 MiB
/// buffer took twice the processor time of two, and longer.
/// </remarks>
public sealed class Picks(PlanBook book, int chunkBytes)
{
    // Below it a step costs more than the bytes.
    private const long SmallBytes = 32 << 10;

    // With two members an exchange sends no byte more than a ring, and needs no second step; above, a ring adds less.
    private const long SmallBytesOfTwo = 4 << 20;

    // Below it fewer steps are worth more than the longest pipeline.
    private const long MediumBytes = 256 << 10;

    private const long MediumBytesOfAllReduce = 8 << 20;

    /// <summary>Picks for an operation.</summary>
    /// <param name="part">What is computed.</param>
    /// <param name="pinned">What the caller wants; <see cref="Algorithm.Auto"/> leaves it to the library.</param>
    /// <param name="pick">What is taken.</param>
    /// <param name="refusal">A sentence when nothing can be.</param>
    public bool TryPick(in PartMemory part, Algorithm pinned, out Pick pick, [NotNullWhen(false)] out string? refusal)
    {
        pick = default;
        refusal = null;
        var bytes = part.Count * part.ElementSize;
        var name = OperationNames.Of(part.Kind);
        if (part.Blocks is not null && part.Kind == CollectiveKind.AllToAll && !book.Topology.Links.IsComplete)
        {
            refusal = $"an all-to-all of uneven blocks needs a link between every two members ({book.Topology.Links})";
            return false;
        }

        if (pinned != Algorithm.Auto && book.WorldSize > 1 && !CanServe(part, pinned))
        {
            var codec = part.Codec == Codec.None ? "" : $" with codec {part.Codec}";
            refusal = $"the {name}{codec} does not go by {pinned} over these links ({book.Topology.Links}); leave the choice to the library";
            return false;
        }

        var algorithm = pinned != Algorithm.Auto ? pinned : Choose(part, bytes);
        pick = new Pick(algorithm, chunkBytes);
        return true;
    }

    private bool CanServe(in PartMemory part, Algorithm algorithm) =>
        book.Can(part.Kind, algorithm) && (algorithm != Algorithm.Exchange || IsSymmetric(part));

    // Both partners of an exchange add up the same two numbers. With a codec, or weighted in a narrow type, what one sends
    // is rounded, while its own part is not.
    private static bool IsSymmetric(in PartMemory part) =>
        part.Codec == Codec.None
        && (part.Reduce != ReduceOperator.Average || part.Type is not (ElementType.Float16 or ElementType.BFloat16));

    private Algorithm Choose(in PartMemory part, long bytes)
    {
        foreach (var algorithm in Preferred(part.Kind, bytes, part.Codec, book.WorldSize))
        {
            if (CanServe(part, algorithm))
            {
                return algorithm;
            }
        }

        return Algorithm.Tree;
    }

    private static ReadOnlySpan<Algorithm> Preferred(CollectiveKind kind, long bytes, Codec codec, int worldSize) => kind switch
    {
        CollectiveKind.AllReduce when codec != Codec.None => [Algorithm.Direct, Algorithm.Ring],
        CollectiveKind.AllReduce when bytes <= (worldSize == 2 ? SmallBytesOfTwo : SmallBytes) => [Algorithm.Exchange, Algorithm.Ring],
        CollectiveKind.AllReduce when worldSize > 2 && bytes <= MediumBytesOfAllReduce => [Algorithm.HalvingDoubling, Algorithm.Ring],
        CollectiveKind.AllReduce => [Algorithm.Ring],
        CollectiveKind.ReduceScatter when codec != Codec.None => [Algorithm.Direct, Algorithm.Ring],
        CollectiveKind.ReduceScatter or CollectiveKind.AllGather when bytes <= MediumBytes => [Algorithm.Direct, Algorithm.Ring],
        CollectiveKind.ReduceScatter or CollectiveKind.AllGather => [Algorithm.Ring],
        CollectiveKind.Broadcast when bytes > MediumBytes => [Algorithm.Ring],
        CollectiveKind.Scatter or CollectiveKind.Gather when bytes > MediumBytes => [Algorithm.Direct],
        CollectiveKind.AllToAll or CollectiveKind.SendReceive => [Algorithm.Direct],
        _ => [Algorithm.Tree],
    };
}
