using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Tests.Transfers;
using Crossnode.Protocol.Views;
using CsCheck;

namespace Crossnode.Collectives.Tests.Plans;

public sealed class TopologyPlanTests
{
    [Theory]
    [Trait("tier", "unit")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public void Complete_links_give_the_ring_in_rank_order(int count) =>
        Assert.Equal(Enumerable.Range(0, count), TopologyPlan.From(LinkGraph.Complete(count)).Ring);

    [Fact]
    [Trait("tier", "unit")]
    public void One_link_less_among_four_goes_around_it() =>
        Assert.Equal([0, 1, 3, 2], TopologyPlan.From(LinkGraph.Complete(4).Without(0, 3)).Ring);

    [Fact]
    [Trait("tier", "unit")]
    public void One_link_less_among_three_leaves_a_tree()
    {
        var plan = TopologyPlan.From(LinkGraph.Complete(3).Without(0, 2));
        Assert.Null(plan.Ring);
    }

    [Fact]
    [Trait("tier", "unit")]
    public void First_member_with_two_links_among_many_still_has_a_ring()
    {
        // Ascending search alone would meet 1 and 2 first and then try every order of the others.
        var graph = LinkGraph.Complete(33);
        for (var rank = 3; rank < 33; rank++)
        {
            graph = graph.Without(0, rank);
        }

        AssertRing(graph, TopologyPlan.From(graph).Ring);
    }

    [Fact]
    [Trait("tier", "unit")]
    public void Two_halves_that_share_one_member_have_no_ring()
    {
        var links = new List<(int, int)>();
        for (var a = 0; a < 33; a++)
        {
            for (var b = a + 1; b < 33; b++)
            {
                if (a == 16 || b == 16 || a < 16 == b < 16)
                {
                    links.Add((a, b));
                }
            }
        }

        Assert.Null(TopologyPlan.From(LinkGraph.Of(33, links)).Ring);
    }

    [Fact]
    [Trait("tier", "unit")]
    public void Members_without_a_path_to_each_other_are_refused() =>
        Assert.Throws<ArgumentException>(() => TopologyPlan.From(LinkGraph.Of(4, [(0, 1), (2, 3)])));

    [Fact]
    [Trait("tier", "property")]
    public void Ring_is_found_exactly_when_some_order_of_the_members_is_one() =>
        Gen.Select(Gen.Int[1, 7], Gen.ULong).Sample(
            static (world, seed) =>
            {
                var graph = TransferCase.SparseGraph(world, seed);
                var ring = TopologyPlan.From(graph).Ring;
                Assert.Equal(SomeOrderIsARing(graph, [0]), ring is not null);
                if (ring is not null)
                {
                    AssertRing(graph, ring);
                }
            },
            iter: 1000);

    private static void AssertRing(LinkGraph graph, IReadOnlyList<int>? ring)
    {
        Assert.NotNull(ring);
        Assert.Equal(0, ring[0]);
        Assert.Equal(Enumerable.Range(0, graph.Count), ring.Order());
        for (var i = 0; i < ring.Count && ring.Count > 1; i++)
        {
            Assert.True(graph.HasLink(ring[i], ring[(i + 1) % ring.Count]));
        }
    }

    /// <summary>Tries every order; a pair and a single member count as rings.</summary>
    private static bool SomeOrderIsARing(LinkGraph graph, int[] path)
    {
        if (path.Length == graph.Count)
        {
            return graph.Count == 1 || graph.HasLink(path[^1], 0);
        }

        return graph.Neighbours(path[^1]).Except(path).Any(next => SomeOrderIsARing(graph, [.. path, next]));
    }
}
