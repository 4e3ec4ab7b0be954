using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Plans;

/// <summary>The paths on which a view's bulk data travels. It follows from the view's links alone.</summary>
/// <remarks>All members of a view have the same links in their record, and so the same plan.</remarks>
public sealed class TopologyPlan
{
    private readonly int[] _positions;

    private TopologyPlan(LinkGraph graph, int[]? ring)
    {
        Links = graph;
        Ring = ring;
        _positions = new int[graph.Count];
        for (var position = 0; position < ring?.Length; position++)
        {
            _positions[ring[position]] = position;
        }
    }

    /// <summary>The pairs that have a link.</summary>
    public LinkGraph Links { get; }

    /// <summary>The number of members.</summary>
    public int WorldSize => Links.Count;

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
}
