namespace Crossnode.Collectives.Plans;

/// <summary>Programs in which every member sends to every other without a detour: the fewest steps, and each part is encoded once.</summary>
internal static class DirectPlans
{
    /// <summary>Two steps, 2(W-1)/W of the buffer sent by each. Block b is reduced by rank b, which adds the parts of b+1, b+2... to its own.</summary>
    public static RankPlan AllReduce(int worldSize, int rank)
    {
        var others = Others(worldSize, rank);
        return new RankPlan(worldSize, [
            .. Scatter(others, rank),
            .. others.Select(other => new Move(MoveKind.SendResult, other, 1, rank)),
            .. others.Select(other => new Move(MoveKind.Receive, other, 1, other))]);
    }

    /// <summary>Blocks are numbered by rank; each ends with its member.</summary>
    public static RankPlan ReduceScatter(int worldSize, int rank) =>
        new(worldSize, [.. Scatter(Others(worldSize, rank), rank)]);

    /// <summary>Blocks are numbered by rank; each starts with its member.</summary>
    public static RankPlan AllGather(int worldSize, int rank)
    {
        var others = Others(worldSize, rank);
        return new RankPlan(
            worldSize,
            [
                .. others.Select(other => new Move(MoveKind.SendResult, other, 0, rank)),
                .. others.Select(other => new Move(MoveKind.Receive, other, 0, other)),
            ],
            isCollected: true);
    }

    /// <summary>Blocks 0 to W-1 are what goes to each rank, W to 2W-1 what comes from each.</summary>
    public static RankPlan AllToAll(int worldSize, int rank)
    {
        var others = Others(worldSize, rank);
        return new RankPlan(
            2 * worldSize,
            [
                .. others.Select(other => new Move(MoveKind.SendResult, other, 0, other)),
                .. others.Select(other => new Move(MoveKind.Receive, other, 0, worldSize + other)),
            ],
            isCollected: true);
    }

    private static IEnumerable<Move> Scatter(int[] others, int rank)
    {
        foreach (var other in others)
        {
            yield return new Move(MoveKind.Send, other, 0, other);
        }

        for (var index = 0; index < others.Length; index++)
        {
            yield return new Move(
                index < others.Length - 1 ? MoveKind.Reduce : MoveKind.ReduceLast, others[index], 0, rank);
        }
    }

    // From the next one on, so that not all members send to rank 0 first.
    private static int[] Others(int worldSize, int rank) =>
        [.. Enumerable.Range(1, worldSize - 1).Select(distance => (rank + distance) % worldSize)];
}
