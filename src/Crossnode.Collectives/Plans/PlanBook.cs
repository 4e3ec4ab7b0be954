using Crossnode.Core;

namespace Crossnode.Collectives.Plans;

/// <summary>One member's programs in a view, each made when it is first needed.</summary>
public sealed class PlanBook
{
    private readonly Dictionary<Key, RankPlan> _plans = [];
    private readonly IReadOnlyList<int[]>? _groups;
    private readonly bool _isComplete;

    /// <summary>Begins an empty book.</summary>
    /// <param name="topology">The paths of the view.</param>
    /// <param name="rank">This member's rank.</param>
    /// <param name="groups">Ranks that are near one another, for hierarchical plans; null when nothing is known of it.</param>
    public PlanBook(TopologyPlan topology, int rank, IReadOnlyList<int[]>? groups = null)
    {
        ArgumentNullException.ThrowIfNull(topology);
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, topology.WorldSize);
        Topology = topology;
        Rank = rank;
        _groups = groups;
        _isComplete = topology.Links.IsComplete;
    }

    /// <summary>The paths of the view.</summary>
    public TopologyPlan Topology { get; }

    /// <summary>This member's rank.</summary>
    public int Rank { get; }

    /// <summary>The number of members.</summary>
    public int WorldSize => Topology.WorldSize;

    /// <summary>Whether an operation can go that way over the links of this view.</summary>
    public bool Can(CollectiveKind kind, Algorithm algorithm) => algorithm switch
    {
        Algorithm.Ring => Topology.HasRing && kind is
            CollectiveKind.AllReduce or CollectiveKind.ReduceScatter or CollectiveKind.AllGather or CollectiveKind.Broadcast,
        Algorithm.Tree => true,
        Algorithm.HalvingDoubling or Algorithm.Exchange => _isComplete && kind is CollectiveKind.AllReduce,
        Algorithm.Hierarchical => _isComplete && _groups is { Count: > 1 } && kind is CollectiveKind.AllReduce,
        Algorithm.Direct => _isComplete,
        _ => false,
    };

    /// <summary>This member's program.</summary>
    internal RankPlan PlanFor(CollectiveKind kind, Algorithm algorithm, int root, int receiver, bool isAverage)
    {
        var key = new Key(kind, algorithm, root, receiver, isAverage);
        if (!_plans.TryGetValue(key, out var plan))
        {
            plan = Make(key);
            _plans.Add(key, plan);
        }

        return plan;
    }

    private RankPlan Make(in Key key) => key.Algorithm switch
    {
        Algorithm.Ring => MakeRing(key),
        Algorithm.HalvingDoubling => HalvingDoublingPlans.AllReduce(WorldSize, Rank),
        Algorithm.Exchange => HalvingDoublingPlans.Exchange(WorldSize, Rank),
        Algorithm.Hierarchical => HierarchicalPlans.AllReduce(_groups!, Rank),
        Algorithm.Direct => MakeDirect(key),
        _ => MakeTree(key),
    };

    private RankPlan MakeRing(in Key key)
    {
        var place = new RingPlace(Topology.Ring!, Topology.PositionOf(Rank));
        return key.Kind switch
        {
            CollectiveKind.AllReduce => RingPlans.AllReduce(place),
            CollectiveKind.ReduceScatter => RingPlans.ReduceScatter(place),
            CollectiveKind.AllGather => RingPlans.AllGather(place),
            _ => RingPlans.Broadcast(place, Topology.PositionOf(key.Root)),
        };
    }

    private RankPlan MakeDirect(in Key key) => key.Kind switch
    {
        CollectiveKind.AllReduce => DirectPlans.AllReduce(WorldSize, Rank),
        CollectiveKind.ReduceScatter => DirectPlans.ReduceScatter(WorldSize, Rank),
        CollectiveKind.AllGather => DirectPlans.AllGather(WorldSize, Rank),
        CollectiveKind.AllToAll => DirectPlans.AllToAll(WorldSize, Rank),
        _ => MakeTree(key),
    };

    private RankPlan MakeTree(in Key key)
    {
        var parents = ParentsUnder(key.Root, isStar: key.Algorithm == Algorithm.Direct);
        return key.Kind switch
        {
            CollectiveKind.AllReduce => TreePlans.AllReduce(parents, Rank),
            CollectiveKind.Reduce => TreePlans.Reduce(parents, Rank, withTotal: key.IsAverage),
            CollectiveKind.Broadcast => TreePlans.Broadcast(parents, Rank),
            CollectiveKind.ReduceScatter => new RoutedPlans(parents, Rank).ReduceScatter(),
            CollectiveKind.AllGather => new RoutedPlans(parents, Rank).AllGather(),
            CollectiveKind.Scatter => new RoutedPlans(parents, Rank).Scatter(key.Root),
            CollectiveKind.Gather => new RoutedPlans(parents, Rank).Gather(key.Root),
            CollectiveKind.AllToAll => new RoutedPlans(parents, Rank).AllToAll(),
            _ => new RoutedPlans(parents, Rank).SendReceive(key.Root, key.Receiver),
        };
    }

    // Over complete links a breadth-first tree is a star.
    private int[] ParentsUnder(int root, bool isStar) =>
        _isComplete && !isStar ? TreePlans.Binomial(WorldSize, root) : Topology.Links.BreadthFirstTree(root);

    private readonly record struct Key(CollectiveKind Kind, Algorithm Algorithm, int Root, int Receiver, bool IsAverage);
}
