namespace Crossnode.Collectives.Plans;

/// <summary>Programs along the paths of a tree over the links there are: each block takes the way to who needs it.</summary>
/// <remarks>
/// Every member takes blocks in ascending order, and a block's messages never turn back, so none waits in a circle. Where
/// two members have a link, the tree may still not hold it: only whole, connected views are sure to have one.
/// </remarks>
internal sealed class RoutedPlans
{
    private readonly int[][] _ways;
    private readonly int _rank;
    private readonly int[] _neighbours;

    /// <summary>Makes the programs of a rank in a tree given by each one's parent.</summary>
    public RoutedPlans(int[] parents, int rank)
    {
        _rank = rank;
        _neighbours = [.. Enumerable.Range(0, parents.Length).Where(other => parents[other] == rank || parents[rank] == other)];
        _ways = [.. Enumerable.Range(0, parents.Length).Select(other => Path(parents, other))];
    }

    private int WorldSize => _ways.Length;

    /// <summary>Each block goes from its member to all.</summary>
    public RankPlan AllGather()
    {
        var moves = new List<Move>();
        for (var block = 0; block < WorldSize; block++)
        {
            var towards = block == _rank ? -1 : Towards(block);
            if (towards >= 0)
            {
                moves.Add(new Move(MoveKind.Receive, towards, block, block));
            }

            moves.AddRange(_neighbours.Where(other => other != towards).Select(other => new Move(MoveKind.SendResult, other, block, block)));
        }

        return new RankPlan(WorldSize, moves, isCollected: true);
    }

    /// <summary>Each block is summed on the way from all to its member.</summary>
    public RankPlan ReduceScatter()
    {
        var moves = new List<Move>();
        for (var block = 0; block < WorldSize; block++)
        {
            var towards = block == _rank ? -1 : Towards(block);
            int[] from = [.. _neighbours.Where(other => other != towards)];
            for (var index = 0; index < from.Length; index++)
            {
                var isLast = towards < 0 && index == from.Length - 1;
                moves.Add(new Move(isLast ? MoveKind.ReduceLast : MoveKind.Reduce, from[index], block, block));
            }

            if (towards >= 0)
            {
                moves.Add(new Move(MoveKind.Send, towards, block, block));
            }
        }

        return new RankPlan(WorldSize, moves);
    }

    /// <summary>Each block goes from the root to its member.</summary>
    public RankPlan Scatter(int root) => Carry(WorldSize, [.. Enumerable.Range(0, WorldSize).Select(block => (root, block, block))]);

    /// <summary>Each block goes from its member to the root.</summary>
    public RankPlan Gather(int root) => Carry(WorldSize, [.. Enumerable.Range(0, WorldSize).Select(block => (block, root, block))]);

    /// <summary>One block goes from one member to another.</summary>
    public RankPlan SendReceive(int from, int to) => Carry(1, [(from, to, 0)]);

    /// <summary>Blocks 0 to W-1 are what goes to each rank, W to 2W-1 what comes from each; the rest passes through.</summary>
    public RankPlan AllToAll()
    {
        var moves = new List<Move>();
        var passing = 2 * WorldSize;
        for (var from = 0; from < WorldSize; from++)
        {
            for (var to = 0; to < WorldSize; to++)
            {
                if (from != to && IsOnPath(from, to))
                {
                    var block = _rank == from ? to : _rank == to ? WorldSize + from : passing++;
                    AddHops(moves, from, to, (from * WorldSize) + to, block);
                }
            }
        }

        return new RankPlan(passing, moves, isCollected: true);
    }

    private RankPlan Carry(int blockCount, (int From, int To, int Block)[] messages)
    {
        var moves = new List<Move>();
        for (var step = 0; step < messages.Length; step++)
        {
            var (from, to, block) = messages[step];
            if (from != to && IsOnPath(from, to))
            {
                AddHops(moves, from, to, step, block);
            }
        }

        return new RankPlan(blockCount, moves, isCollected: true);
    }

    private void AddHops(List<Move> moves, int from, int to, int step, int block)
    {
        if (_rank != from)
        {
            moves.Add(new Move(MoveKind.Receive, Towards(from), step, block));
        }

        if (_rank != to)
        {
            moves.Add(new Move(MoveKind.SendResult, Towards(to), step, block));
        }
    }

    // The neighbour on the way to another member: below if it is there, else the parent.
    private int Towards(int other)
    {
        var depth = _ways[_rank].Length;
        return _ways[other].Length > depth && _ways[other][depth - 1] == _rank ? _ways[other][depth] : _ways[_rank][depth - 2];
    }

    private bool IsOnPath(int from, int to)
    {
        var common = 0;
        while (common < _ways[from].Length && common < _ways[to].Length && _ways[from][common] == _ways[to][common])
        {
            common++;
        }

        // Below the last common member, on either side, or that member itself.
        return Array.IndexOf(_ways[from], _rank, common - 1) >= 0 || Array.IndexOf(_ways[to], _rank, common - 1) >= 0;
    }

    // From the tree's root down to a member.
    private static int[] Path(int[] parents, int rank)
    {
        var path = new List<int>();
        for (var at = rank; at >= 0; at = parents[at])
        {
            path.Add(at);
        }

        path.Reverse();
        return [.. path];
    }
}
