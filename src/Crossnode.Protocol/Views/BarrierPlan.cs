namespace Crossnode.Protocol.Views;

/// <summary>Who sends commit tokens to whom in a view; follows from its link graph alone (R19).</summary>
/// <remarks>
/// Dissemination (Hensgen, Finkel, Manber 1988: ceil(log2 W) rounds, in round k rank r tells rank r + 2^k) when all its
/// pairs have links; else a breadth-first tree from rank 0: tokens go up once all below are data-complete, and down again.
/// </remarks>
public sealed class BarrierPlan
{
    /// <summary>The round number of tokens that go up a tree.</summary>
    public const int Up = 0;

    /// <summary>The round number of tokens that go down a tree.</summary>
    public const int Down = 1;

    private readonly int[] _parents;
    private readonly int[][] _children;

    /// <summary>Makes the plan of a connected graph.</summary>
    public BarrierPlan(LinkGraph links)
    {
        ArgumentNullException.ThrowIfNull(links);
        WorldSize = links.Count;
        while (1 << Rounds < WorldSize)
        {
            Rounds++;
        }

        IsDissemination = HoldsDissemination(links, Rounds);
        _parents = IsDissemination ? [] : links.BreadthFirstTree(0);
        _children = new int[_parents.Length][];
        for (var rank = 0; rank < _parents.Length; rank++)
        {
            _children[rank] = [.. Enumerable.Range(0, WorldSize).Where(other => _parents[other] == rank)];
        }
    }

    /// <summary>The number of members.</summary>
    public int WorldSize { get; }

    /// <summary>Rounds of the dissemination.</summary>
    public int Rounds { get; }

    /// <summary>Whether tokens are disseminated; else they go up and down the tree.</summary>
    public bool IsDissemination { get; }

    /// <summary>Whom a rank tells in a round of the dissemination.</summary>
    public int Target(int rank, int round) => (rank + (1 << round)) % WorldSize;

    /// <summary>Whom a rank hears in a round of the dissemination.</summary>
    public int Source(int rank, int round) => (rank - (1 << round) + (2 * WorldSize)) % WorldSize;

    /// <summary>The rank above in the tree; -1 at the root.</summary>
    public int Parent(int rank) => _parents[rank];

    /// <summary>The ranks below in the tree.</summary>
    public IReadOnlyList<int> Children(int rank) => _children[rank];

    /// <summary>Whether a token of this round may come from this rank.</summary>
    public bool IsExpected(int rank, int from, int round) => IsDissemination
        ? round >= 0 && round < Rounds && Source(rank, round) == from
        : round == Up ? _parents[from] == rank : round == Down && _parents[rank] == from;

    private static bool HoldsDissemination(LinkGraph links, int rounds)
    {
        for (var rank = 0; rank < links.Count; rank++)
        {
            for (var round = 0; round < rounds; round++)
            {
                var target = (rank + (1 << round)) % links.Count;
                if (target != rank && !links.HasLink(rank, target))
                {
                    return false;
                }
            }
        }

        return true;
    }
}
