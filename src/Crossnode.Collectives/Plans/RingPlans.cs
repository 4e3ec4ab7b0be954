namespace Crossnode.Collectives.Plans;

/// <summary>Programs around a ring: every member sends to the next one only, and hears from the one before.</summary>
/// <remarks>
/// Bandwidth-optimal (Patarasuk and Yuan 2009): a reduction to blocks and their collection cost W-1 steps each, and
/// (W-1)/W of the buffer sent by each member. Positions count along the ring.
/// </remarks>
internal static class RingPlans
{
    /// <summary>Blocks are numbered by position. Block b is summed from position b on, ends at position b-1, and goes around from there.</summary>
    public static RankPlan AllReduce(RingPlace place)
    {
        var moves = new List<Move>();
        var world = place.WorldSize;
        for (var step = 0; step < 2 * (world - 1); step++)
        {
            var isReducing = step < world - 1;
            moves.Add(new Move(isReducing ? MoveKind.Send : MoveKind.SendResult, place.Next, step, place.Wrap(place.Position - step)));
            moves.Add(new Move(
                !isReducing ? MoveKind.Receive : step < world - 2 ? MoveKind.Reduce : MoveKind.ReduceLast,
                place.Previous, step, place.Wrap(place.Position - step - 1)));
        }

        return new RankPlan(world, moves);
    }

    /// <summary>Blocks are numbered by rank; each ends with its member.</summary>
    public static RankPlan ReduceScatter(RingPlace place)
    {
        var moves = new List<Move>();
        for (var step = 0; step < place.WorldSize - 1; step++)
        {
            moves.Add(new Move(MoveKind.Send, place.Next, step, place.RankAt(place.Position - step - 1)));
            moves.Add(new Move(
                step < place.WorldSize - 2 ? MoveKind.Reduce : MoveKind.ReduceLast,
                place.Previous, step, place.RankAt(place.Position - step - 2)));
        }

        return new RankPlan(place.WorldSize, moves);
    }

    /// <summary>Blocks are numbered by rank; each starts with its member.</summary>
    public static RankPlan AllGather(RingPlace place)
    {
        var moves = new List<Move>();
        for (var step = 0; step < place.WorldSize - 1; step++)
        {
            moves.Add(new Move(MoveKind.SendResult, place.Next, step, place.RankAt(place.Position - step)));
            moves.Add(new Move(MoveKind.Receive, place.Previous, step, place.RankAt(place.Position - step - 1)));
        }

        return new RankPlan(place.WorldSize, moves, isCollected: true);
    }

    /// <summary>One block goes from the root around the ring, chunk after chunk.</summary>
    public static RankPlan Broadcast(RingPlace place, int rootPosition)
    {
        var hops = place.Wrap(place.Position - rootPosition);
        var moves = new List<Move>();
        if (hops > 0)
        {
            moves.Add(new Move(MoveKind.Receive, place.Previous, 0, 0));
        }

        if (hops < place.WorldSize - 1)
        {
            moves.Add(new Move(MoveKind.SendResult, place.Next, 0, 0));
        }

        return new RankPlan(1, moves, isCollected: true);
    }
}

/// <summary>Where a member stands on a ring.</summary>
internal readonly struct RingPlace(IReadOnlyList<int> ring, int position)
{
    public int WorldSize => ring.Count;

    public int Position { get; } = position;

    public int Next => RankAt(Position + 1);

    public int Previous => RankAt(Position - 1);

    public int Wrap(int position) => ((position % ring.Count) + ring.Count) % ring.Count;

    public int RankAt(int position) => ring[Wrap(position)];
}
