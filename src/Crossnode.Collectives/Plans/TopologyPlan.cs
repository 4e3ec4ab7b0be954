using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Plans;

/// <summary>The paths on which a view's bulk data travels. It follows from the view's links alone.</summary>
/// <remarks>All members of a view have the same links in their record, and so the same plan.</remarks>
public sealed class TopologyPlan
{
    private readonly LinkGraph _graph;
    private readonly int[] _positions;

    private TopologyPlan(LinkGraph graph, int[]? ring)
    {
        _graph = graph;
        Ring = ring;
        _positions = new int[graph.Count];
        for (var position = 0; position < ring?.Length; position++)
        {
            _positions[ring[position]] = position;
        }
    }

    /// <summary>The number of members.</summary>
    public int WorldSize => _graph.Count;

    /// <summary>The ranks in the order of the ring; null when the links hold no ring, or none was found in bounded time.</summary>
    public IReadOnlyList<int>? Ring { get; }

    /// <summary>Whether bulk data goes around a ring; otherwise it goes along trees.</summary>
    public bool HasRing => Ring is not null;

    /// <summary>Derives the plan of a view from its links.</summary>
    /// <exception cref="ArgumentException">Some members cannot reach each other: no view has such links.</exception>
    public static TopologyPlan From(LinkGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        if (!graph.IsConnected)
        {
            throw new ArgumentException($"links must connect all members ({graph})", nameof(graph));
        }

        return new TopologyPlan(graph, RingSearch.Find(graph));
    }

    /// <summary>Where on the ring a rank is, from 0.</summary>
    internal int PositionOf(int rank) => _positions[rank];

    /// <summary>The rank that is some places further around the ring, or back when negative.</summary>
    internal int RankAt(long position) => Ring![(int)(((position % WorldSize) + WorldSize) % WorldSize)];

    /// <summary>A rank's place in the tree that reduces to rank 0 and hands down from there.</summary>
    internal TreePlace ReductionPlace(int rank) => PlaceInTree(rank, root: 0);

    /// <summary>A rank's place in the tree, or chain along the ring, that carries the root's data to all.</summary>
    internal TreePlace BroadcastPlace(int rank, int root)
    {
        if (!HasRing)
        {
            return PlaceInTree(rank, root);
        }

        var hops = (PositionOf(rank) - PositionOf(root) + WorldSize) % WorldSize;
        return new TreePlace(
            hops == 0 ? null : RankAt(PositionOf(rank) - 1),
            hops == WorldSize - 1 ? [] : [RankAt(PositionOf(rank) + 1)],
            []);
    }

    private TreePlace PlaceInTree(int rank, int root)
    {
        var parents = _graph.BreadthFirstTree(root);
        var children = new List<int>();
        var sizes = new List<int>();
        for (var child = 0; child < parents.Length; child++)
        {
            if (parents[child] == rank)
            {
                children.Add(child);
                sizes.Add(SubtreeSize(parents, child));
            }
        }

        return new TreePlace(rank == root ? null : parents[rank], [.. children], [.. sizes]);
    }

    private static int SubtreeSize(int[] parents, int top)
    {
        var size = 0;
        for (var rank = 0; rank < parents.Length; rank++)
        {
            var above = rank;
            while (above != top && above >= 0)
            {
                above = parents[above];
            }

            size += above == top ? 1 : 0;
        }

        return size;
    }
}

/// <summary>Whom a member has above and below itself in a tree.</summary>
/// <param name="Parent">The rank above; null at the root.</param>
/// <param name="Children">The ranks below, ascending.</param>
/// <param name="SubtreeSizes">For a reduction: the number of members in each child's part of the tree.</param>
internal readonly record struct TreePlace(int? Parent, int[] Children, int[] SubtreeSizes);
