using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Engine;

/// <summary>What a part of a group means in a view: ranks for members, counts for shapes.</summary>
internal static unsafe class PartResolution
{
    /// <summary>Resolves a part; gives a sentence when it cannot run in this view.</summary>
    public static string? TryResolve(in OperationPart part, View view, int rank, byte* source, byte* target, out PartMemory memory)
    {
        memory = default;
        var name = OperationNames.Of(part.Kind);
        var root = part.HasRoot ? view.RankOf(part.Root) : 0;
        var receiver = part.Kind == CollectiveKind.SendReceive ? view.RankOf(part.Receiver) : 0;
        if (root < 0 || receiver < 0)
        {
            return root < 0
                ? $"{part.Root}, the root of the {name}, is not in {view.Id}"
                : $"{part.Receiver}, the receiver of the {name}, is not in {view.Id}";
        }

        if (ShapeError(part, view.Members.Count, rank, root) is { } error)
        {
            return $"the {name} does not fit {view.Id}: {error}";
        }

        var whole = part.HasEqualBlocks && part.Kind != CollectiveKind.AllToAll ? part.Count * view.Members.Count : part.Count;
        memory = new PartMemory(part.Kind, part.Type, part.Reduce, whole, root, source, target)
        {
            ReceiverRank = receiver,
            Blocks = part.ReceiveCounts is { } receives ? [.. part.Counts!, .. receives] : part.Counts,
            Codec = part.Codec,
        };
        return null;
    }

    private static string? ShapeError(in OperationPart part, int world, int rank, int root)
    {
        if (part.Counts is { } counts && counts.Count != world)
        {
            return $"there are counts for {counts.Count} members, but {world} members";
        }

        if (part.ReceiveCounts is { } receives && receives.Count != world)
        {
            return $"there are receive counts for {receives.Count} members, but {world} members";
        }

        return part.Kind switch
        {
            CollectiveKind.ReduceScatter => BlocksError(part, part.Source, part.Target, world, rank),
            CollectiveKind.AllGather => BlocksError(part, part.Target, part.Source, world, rank),
            CollectiveKind.Scatter => BlocksError(part, rank == root ? part.Source : default, part.Target, world, rank, rank == root),
            CollectiveKind.Gather => BlocksError(part, rank == root ? part.Target : default, part.Source, world, rank, rank == root),
            CollectiveKind.Reduce when rank == root && part.Target == default => "the root gave no target",
            CollectiveKind.AllToAll when part.Counts is null && part.Count % world != 0 =>
                $"{part.Count} elements are no equal blocks for {world} members",
            CollectiveKind.AllToAll when part.Counts is not null && part.Counts[rank] != part.ReceiveCounts![rank] =>
                $"this member sends itself {part.Counts[rank]} elements but receives {part.ReceiveCounts[rank]} from itself",
            _ => null,
        };
    }

    private static string? BlocksError(
        in OperationPart part, in TensorBuffer whole, in TensorBuffer block, int world, int rank, bool hasWhole = true)
    {
        var own = part.Counts is { } counts ? counts[rank] : part.Count;
        if (block.Count != own)
        {
            return $"this member's block has {block.Count} elements, not {own}";
        }

        if (!hasWhole)
        {
            return null;
        }

        var expected = part.Counts is null ? part.Count * world : part.Count;
        return whole.Count == expected
            ? null
            : $"the buffer that holds all blocks has {whole.Count} elements, not {expected} for {world} members";
    }
}
