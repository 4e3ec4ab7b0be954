using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;

namespace Crossnode.Protocol.Tests.Runs;

[Trait("tier", "unit")]
public sealed class RunFormingTests
{
    [Fact]
    public void First_view_waits_for_all_and_ranks_by_number_not_by_arrival()
    {
        var bench = new RunBench(3);
        bench.Open(2);
        bench.Open(0);
        Assert.Null(bench.Machine.View);
        bench.Open(1);
        Assert.Equal([0u, 1u, 2u], bench.Members);
        Assert.Equal(1, bench.View.Id.Epoch);
        Assert.Equal(ViewId.None, bench.View.Predecessor);
        Assert.True(bench.View.Links.IsComplete);
        Assert.Equal(3, bench.View.Record.Links.Count(link => link.Condition == LinkCondition.LinkProbation));
        Assert.Equal(3, bench.Actions.Count(action => action.Message?.NewView is not null));
        Assert.Equal(RunBench.IncarnationOf(2), bench.View.Record.Members[2].Incarnation);
        Assert.Equal("127.0.0.1:5002", bench.View.Record.Members[2].Endpoint);
    }

    [Fact]
    public void View_ids_of_two_coordinators_differ()
    {
        var a = RunBench.Started(1, nonce: 1);
        var b = RunBench.Started(1, nonce: 2);
        Assert.Equal(a.View.Id.Epoch, b.View.Id.Epoch);
        Assert.NotEqual(a.View.Id, b.View.Id);
    }

    [Fact]
    public void Missing_workers_are_named_at_the_deadline()
    {
        var bench = new RunBench(4);
        bench.Open(1);
        bench.Open(2);
        bench.Wait(TimeSpan.FromSeconds(61), 1, 2);
        Assert.Equal(RunPhase.Failed, bench.Phase);
        var text = bench.TextOf(RunActionKind.Failed);
        Assert.Contains("workers 0, 3 did not come within 60.0 s", text, StringComparison.Ordinal);
        Assert.Equal(text, bench.EvictedAt(1)!.Reason);
        var late = bench.Open(0);
        Assert.Contains("did not start", bench.EvictedOn(late)!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Member_that_closes_before_the_start_is_forgotten()
    {
        var bench = new RunBench(2);
        bench.Open(0);
        bench.Close(0);
        bench.Open(1);
        Assert.Null(bench.Machine.View);
        bench.Open(0, incarnation: 77);
        Assert.Equal(77UL, bench.View.Record.Members[0].Incarnation);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Second_process_of_a_number_is_refused_and_the_first_stays(bool started)
    {
        var bench = new RunBench(2);
        bench.Open(0);
        if (started)
        {
            bench.Open(1);
        }

        var second = bench.Open(0, incarnation: 77);
        if (started)
        {
            // It waits until the first one is heard, which may be dead without the coordinator knowing.
            Assert.Empty(bench.SentOn(second));
            bench.Wait(2 * bench.Options.HeartbeatInterval, 1);
            Assert.DoesNotContain(bench.SentOn(second), message => message.Evicted is not null);
            bench.Wait(TimeSpan.FromMilliseconds(20), 0, 1);
        }

        Assert.Contains("two processes use the same worker number 0", bench.EvictedOn(second)!.Reason, StringComparison.Ordinal);
        Assert.Equal(second, Assert.Single(bench.Actions, action => action.Kind == RunActionKind.CloseStream).Stream);
        Assert.Equal(started ? RunPhase.Stable : RunPhase.Forming, bench.Phase);
    }

    [Fact]
    public void Unknown_number_and_foreign_view_are_refused_with_the_reason()
    {
        var bench = new RunBench(2);
        var stranger = bench.Open(2, incarnation: 5);
        Assert.Contains("its workers are 0 to 1", bench.EvictedOn(stranger)!.Reason, StringComparison.Ordinal);
        var old = bench.Open(1, hello: new Hello { View = new ViewIdRecord { Epoch = 4, Nonce = 1 } }, incarnation: 5);
        Assert.Contains("is at view 4", bench.EvictedOn(old)!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Leaving_before_the_start_is_no_eviction()
    {
        var bench = new RunBench(2);
        bench.Open(0);
        bench.Leave(0);
        Assert.True(bench.EvictedAt(0)!.Left);
        bench.Open(1);
        Assert.Equal(RunPhase.Forming, bench.Phase);
    }
}
