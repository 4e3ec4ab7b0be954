using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Tests.Views;

[Trait("tier", "unit")]
public sealed class LinkGraphTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(65)]
    public void Complete_graph_links_every_pair_and_no_member_to_itself(int count)
    {
        var graph = LinkGraph.Complete(count);
        Assert.True(graph.IsComplete);
        Assert.True(graph.IsConnected);
        for (var a = 0; a < count; a++)
        {
            for (var b = 0; b < count; b++)
            {
                Assert.Equal(a != b, graph.HasLink(a, b));
            }
        }
    }

    [Fact]
    public void Without_removes_both_directions_and_leaves_the_original()
    {
        var whole = LinkGraph.Complete(70);
        var cut = whole.Without(69, 3);
        Assert.False(cut.HasLink(3, 69));
        Assert.False(cut.HasLink(69, 3));
        Assert.True(whole.HasLink(3, 69));
        Assert.False(cut.IsComplete);
        Assert.DoesNotContain(3, cut.Neighbours(69));
        Assert.Equal(68, cut.Neighbours(3).Count);
    }

    [Fact]
    public void Equality_compares_members_and_links()
    {
        var cut = LinkGraph.Complete(3).Without(0, 2);
        var same = LinkGraph.Of(3, [(0, 1), (2, 1)]);
        Assert.Equal(cut, same);
        Assert.Equal(cut.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(cut, LinkGraph.Complete(3));
        Assert.NotEqual(LinkGraph.Of(2, []), LinkGraph.Of(3, []));
    }

    [Fact]
    public void Tree_visits_breadth_first_in_ascending_order()
    {
        // 0-2, 0-3, 2-1, 3-1: rank 1 is found from 2 first. Rank 4 has no link.
        var graph = LinkGraph.Of(5, [(0, 3), (0, 2), (3, 1), (2, 1)]);
        Assert.Equal([-1, 2, 0, 0, LinkGraph.Unreachable], graph.BreadthFirstTree(0));
        Assert.False(graph.IsConnected);
        Assert.Equal([2, 3], graph.Neighbours(1));
    }

    [Fact]
    public void Links_outside_the_view_are_refused()
    {
        Assert.Throws<ArgumentException>(() => LinkGraph.Of(2, [(0, 2)]));
        Assert.Throws<ArgumentException>(() => LinkGraph.Of(2, [(1, 1)]));
        Assert.Throws<ArgumentException>(() => LinkGraph.Complete(2).Without(-1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => LinkGraph.Complete(2).HasLink(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => LinkGraph.Complete(0));
    }
}
