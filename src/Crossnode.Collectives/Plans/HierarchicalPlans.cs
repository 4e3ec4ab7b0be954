namespace Crossnode.Collectives.Plans;

/// <summary>All-reduce within groups of near members first, and across groups next: the far links carry each part once.</summary>
/// <remarks>
/// Groups of equal size: each member reduces a share of the buffer within its group, the members with the same share go
/// around a ring across groups, and the shares are collected within the groups; a far link then carries 2(G-1)/G of a
/// share. Otherwise the first member of each group does it for all, with the whole buffer.
/// </remarks>
internal static class HierarchicalPlans
{
    public static RankPlan AllReduce(IReadOnlyList<int[]> groups, int rank)
    {
        var own = 0;
        while (!groups[own].Contains(rank))
        {
            own++;
        }

        return groups.All(group => group.Length == groups[0].Length)
            ? Shared(groups, own, Array.IndexOf(groups[own], rank))
            : Led(groups, own, rank);
    }

    // Share s of the buffer is blocks s*G to s*G+G-1, so that the ring across G groups can cut it further.
    private static RankPlan Shared(IReadOnlyList<int[]> groups, int own, int share)
    {
        var (near, far) = (groups[own], groups.Count);
        var moves = new List<Move>();
        var others = Enumerable.Range(1, near.Length - 1).Select(distance => (share + distance) % near.Length).ToArray();
        moves.AddRange(others.Select(other => new Move(MoveKind.Send, near[other], 0, other * far, far)));
        for (var index = 0; index < others.Length; index++)
        {
            var isLast = far == 1 && index == others.Length - 1;
            moves.Add(new Move(isLast ? MoveKind.ReduceLast : MoveKind.Reduce, near[others[index]], 0, share * far, far));
        }

        AddRing(moves, [.. groups.Select(group => group[share])], own, share * far);
        moves.AddRange(others.Select(other => new Move(MoveKind.SendResult, near[other], 1, share * far, far)));
        moves.AddRange(others.Select(other => new Move(MoveKind.Receive, near[other], 1, other * far, far)));
        return new RankPlan(near.Length * far, moves);
    }

    private static RankPlan Led(IReadOnlyList<int[]> groups, int own, int rank)
    {
        var (near, far) = (groups[own], groups.Count);
        if (near[0] != rank)
        {
            return new RankPlan(far, [new Move(MoveKind.Send, near[0], 0, 0, far), new Move(MoveKind.Receive, near[0], 1, 0, far)]);
        }

        var moves = new List<Move>();
        moves.AddRange(near.Skip(1).Select(other => new Move(MoveKind.Reduce, other, 0, 0, far)));
        AddRing(moves, [.. groups.Select(group => group[0])], own, firstBlock: 0);
        moves.AddRange(near.Skip(1).Select(other => new Move(MoveKind.SendResult, other, 1, 0, far)));
        return new RankPlan(far, moves);
    }

    private static void AddRing(List<Move> moves, int[] ring, int position, int firstBlock)
    {
        // Steps 0 and 1 are taken: two members may be neighbours in both ways.
        const int FirstStep = 2;
        var place = new RingPlace(ring, position);
        for (var step = 0; step < 2 * (ring.Length - 1); step++)
        {
            var isReducing = step < ring.Length - 1;
            moves.Add(new Move(
                isReducing ? MoveKind.Send : MoveKind.SendResult, place.Next, FirstStep + step, firstBlock + place.Wrap(position - step)));
            moves.Add(new Move(
                !isReducing ? MoveKind.Receive : step < ring.Length - 2 ? MoveKind.Reduce : MoveKind.ReduceLast,
                place.Previous, FirstStep + step, firstBlock + place.Wrap(position - step - 1)));
        }
    }
}
