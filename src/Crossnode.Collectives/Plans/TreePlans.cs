namespace Crossnode.Collectives.Plans;

/// <summary>Programs along a tree of members, given by each one's parent: a binomial tree, or one over the links there are.</summary>
/// <remarks>
/// A chunk goes on as soon as it is there. A reduction adds ((first child + own) + second child)..., children ascending.
/// </remarks>
internal static class TreePlans
{
    /// <summary>The binomial tree under a root: depth ceil(log2 W).</summary>
    public static int[] Binomial(int worldSize, int root)
    {
        var parents = new int[worldSize];
        for (var distance = 0; distance < worldSize; distance++)
        {
            // The parent has the lowest bit cleared.
            parents[(distance + root) % worldSize] = distance == 0 ? -1 : ((distance & (distance - 1)) + root) % worldSize;
        }

        return parents;
    }

    public static RankPlan AllReduce(int[] parents, int rank) => new(1, [.. Up(parents, rank, 0), .. Down(parents, rank, 1, 0)]);

    /// <summary>The root ends with the reduction. With a total, an empty second block tells the others the sum of weights.</summary>
    public static RankPlan Reduce(int[] parents, int rank, bool withTotal) => withTotal
        ? new(2, [.. Up(parents, rank, 0), .. Up(parents, rank, 1), .. Down(parents, rank, 2, 1)])
        : new(1, [.. Up(parents, rank, 0)]);

    public static RankPlan Broadcast(int[] parents, int rank) => new(1, [.. Down(parents, rank, 0, 0)], isCollected: true);

    private static IEnumerable<Move> Up(int[] parents, int rank, int block)
    {
        var children = Children(parents, rank);
        for (var index = 0; index < children.Count; index++)
        {
            var isLast = parents[rank] < 0 && index == children.Count - 1;
            yield return new Move(isLast ? MoveKind.ReduceLast : MoveKind.Reduce, children[index], block, block);
        }

        if (parents[rank] >= 0)
        {
            yield return new Move(MoveKind.Send, parents[rank], block, block);
        }
    }

    private static IEnumerable<Move> Down(int[] parents, int rank, int step, int block)
    {
        if (parents[rank] >= 0)
        {
            yield return new Move(MoveKind.Receive, parents[rank], step, block);
        }

        foreach (var child in Children(parents, rank))
        {
            yield return new Move(MoveKind.SendResult, child, step, block);
        }
    }

    private static List<int> Children(int[] parents, int rank) =>
        [.. Enumerable.Range(0, parents.Length).Where(child => parents[child] == rank)];
}
