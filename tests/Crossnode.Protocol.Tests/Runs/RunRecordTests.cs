using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;

namespace Crossnode.Protocol.Tests.Runs;

/// <summary>What is stored and when (R10), coming back from it (R14, R15), being deposed (R21).</summary>
[Trait("tier", "unit")]
public sealed class RunRecordTests
{
    private static readonly TimeSpan Reattach = new RunOptions { ExpectedMembers = 1, Nonce = 1 }.ReattachFor;

    [Fact]
    public void Not_a_byte_of_a_view_goes_out_before_its_record_is_stored()
    {
        var bench = new RunBench(2, term: 5);
        bench.Open(0);
        bench.Open(1);
        var record = bench.Stored!;
        Assert.Equal((5UL, 1L, 2u), (record.Term, record.View.Id.Epoch, record.Expected));
        Assert.Equal(RunPhase.Storing, bench.Phase);
        Assert.DoesNotContain(bench.Actions, action => action.Message?.NewView is not null);
        bench.Event(new RunEvent(RunEventKind.Stored));
        Assert.Equal(record.View, bench.SentTo(0).Single(message => message.NewView is not null).NewView.View);
        Assert.All(bench.SentTo(1), message => Assert.Equal(5UL, message.Term));
    }

    [Fact]
    public void Store_that_fails_is_asked_again_with_the_same_record_and_says_so()
    {
        var bench = Started(3);
        bench.Close(2);
        bench.Report(0, 2);
        bench.Report(1, 2);
        bench.AnswerAll(2);
        var record = bench.Stored!;
        bench.Event(new RunEvent(RunEventKind.StoreFailed, Text: "no space left"));
        Assert.Contains("no space left", bench.TextOf(RunActionKind.Trouble), StringComparison.Ordinal);
        Assert.Null(bench.Stored);
        bench.Wait(TimeSpan.FromSeconds(1.1), 0, 1);
        Assert.Same(record, bench.Stored);
        Assert.Equal(1, bench.View.Id.Epoch);
        bench.Event(new RunEvent(RunEventKind.Stored));
        Assert.Equal(2, bench.View.Id.Epoch);
        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Whoever_comes_and_goes_while_the_record_is_written_is_dealt_with_afterwards()
    {
        var bench = Started(3);
        bench.RequestChange(0);
        bench.AnswerAll(3);
        Assert.Equal(RunPhase.Storing, bench.Phase);
        bench.Close(1);
        bench.Leave(2);
        bench.Open(0, hello: new Hello { View = bench.Id, Frozen = true });
        Assert.Equal(RunPhase.Storing, bench.Phase);
        Assert.Empty(bench.SentTo(0));
        bench.Event(new RunEvent(RunEventKind.Stored));
        Assert.NotNull(bench.SentTo(0).Single(message => message.NewView is not null));
        bench.Wait(RunBench.Gather + RunBench.Gather, 0, 2);
        Assert.True(bench.IsAsked(0) && bench.IsAsked(2));
        var log = bench.Actions.First(action => action.Kind == RunActionKind.Log).Text!;
        Assert.Contains("member 1 (worker 1) closed", log, StringComparison.Ordinal);
        Assert.Contains("member 2 (worker 2) leaves", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Restarted_coordinator_waits_for_members_and_they_go_on_in_their_view()
    {
        var record = Started(3).LastStored!;
        var again = new RunBench(0, term: 6, record: record);
        Assert.Equal(record.View.Id, again.Id);
        again.Wait(Reattach / 2);
        Assert.Equal(RunPhase.Stable, again.Phase);
        for (uint member = 0; member < 3; member++)
        {
            again.Open(member, hello: new Hello { View = again.Id });
            Assert.Empty(again.SentTo(member));
        }

        again.Wait(2 * Reattach, 0, 1, 2);
        Assert.Equal(RunPhase.Stable, again.Phase);
        Assert.Null(again.Stored);
    }

    [Fact]
    public void Restart_in_the_middle_of_an_announcement_brings_everybody_to_the_stored_view()
    {
        var bench = Started(3);
        var first = bench.Id;
        bench.RequestChange(0);
        bench.AnswerAll(3);
        var again = new RunBench(0, term: 6, record: bench.Stored);
        again.Open(0, hello: new Hello { View = again.Id });
        again.Open(1, hello: new Hello { View = first, Frozen = true });
        Assert.Equal(again.View.Record, again.SentTo(1).Single().NewView.View);
        again.Open(2, hello: new Hello { View = first, Frozen = true });
        Assert.Equal(RunPhase.Stable, again.Phase);
    }

    [Fact]
    public void Who_does_not_come_back_is_out_after_the_grace_and_a_claim_to_its_number_waits_that_long()
    {
        var again = new RunBench(0, term: 6, record: Started(3).LastStored);
        again.Open(0, hello: new Hello { View = again.Id });
        again.Open(1, hello: new Hello { View = again.Id });
        again.Open(2, incarnation: 77);
        again.Wait(Reattach - TimeSpan.FromSeconds(1), 0, 1);
        Assert.Equal(RunPhase.Stable, again.Phase);
        again.Wait(TimeSpan.FromSeconds(1) + (2 * RunBench.Gather), 0, 1);
        Assert.Equal(RunPhase.Preparing, again.Phase);
        again.AnswerAll(2);
        Assert.Equal([0u, 1u], again.Stored!.View.Members.Select(member => member.Id));
    }

    [Fact]
    public void Neighbours_that_lost_their_links_to_it_shorten_the_grace()
    {
        var again = new RunBench(0, term: 6, record: Started(3).LastStored);
        again.Open(0, hello: new Hello { View = again.Id, Reports = { again.ReportOf(2) } });
        again.Open(1, hello: new Hello { View = again.Id, Reports = { again.ReportOf(2) } });
        again.AnswerAll(2);
        Assert.Equal([0u, 1u], again.Stored!.View.Members.Select(member => member.Id));
    }

    [Fact]
    public void Neighbours_that_get_the_view_only_now_shorten_nothing()
    {
        var bench = Started(3);
        var first = bench.Id;
        bench.RequestChange(0);
        bench.AnswerAll(3);
        var again = new RunBench(0, term: 6, record: bench.Stored);
        again.Open(0, hello: new Hello { View = first, Frozen = true });
        again.Open(1, hello: new Hello { View = first, Frozen = true });
        again.Report(0, 2, reason: "closed by the other side");
        again.Report(1, 2, reason: "closed by the other side");
        again.Wait(RunBench.Gather, 0, 1);
        again.AnswerAll(2);
        Assert.Equal(RunPhase.Preparing, again.Phase);
        again.Open(2, hello: new Hello { View = again.Id });
        again.Answer(2);
        Assert.Equal([0u, 1u, 2u], again.Stored!.View.Members.Select(member => member.Id));
    }

    [Fact]
    public void Lost_run_is_said_to_be_lost_also_by_the_coordinator_after_the_next_restart()
    {
        var again = new RunBench(0, term: 6, record: Started(2).LastStored);
        again.Wait(Reattach + again.Options.LostAfter);
        Assert.Equal(RunPhase.Failed, again.Phase);
        var third = new RunBench(0, term: 7, record: again.LastStored);
        var stream = third.Come(9);
        Assert.Contains("the run is lost", third.EvictedOn(stream)!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Finished_run_stays_finished_and_who_left_is_told_so()
    {
        var bench = Started(2);
        bench.Leave(1);
        bench.Wait(2 * RunBench.Gather, 0, 1);
        bench.AnswerAll(2);
        var again = new RunBench(0, term: 6, record: bench.Stored);
        again.Open(1, hello: new Hello { View = bench.Id, Leaving = true });
        Assert.True(again.EvictedAt(1)!.Left);
        again.Open(0, hello: new Hello { View = again.Id, Leaving = true });
        again.Wait(2 * RunBench.Gather, 0);
        again.Answer(0);
        Assert.Equal(RunPhase.Finished, again.Phase);
        var third = new RunBench(0, term: 7, record: again.LastStored);
        Assert.Contains("has finished", third.EvictedOn(third.Come(9))!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Coordinator_that_hears_of_a_higher_term_closes_every_stream_and_evicts_nobody()
    {
        foreach (var fromStore in new[] { true, false })
        {
            var bench = Started(2);
            if (fromStore)
            {
                bench.Event(new RunEvent(RunEventKind.StoreNewer, Term: 9));
            }
            else
            {
                bench.Open(1, hello: new Hello { View = bench.Id }, term: 9);
            }

            Assert.Equal(RunPhase.Deposed, bench.Phase);
            Assert.Contains("term 9", bench.TextOf(RunActionKind.Deposed), StringComparison.Ordinal);
            Assert.DoesNotContain(bench.Actions, action => action.Kind == RunActionKind.Send);
            Assert.Contains(bench.Actions, action => action.Kind == RunActionKind.CloseStream);
        }
    }

    [Fact]
    public void Store_is_looked_at_within_the_grace()
    {
        var bench = Started(1);
        bench.Wait(bench.Options.Grace, 0);
        Assert.Contains(bench.Actions, action => action.Kind == RunActionKind.CheckStore);
    }

    [Fact]
    public void Coordinator_with_a_store_but_without_this_record_evicts_nobody()
    {
        var bench = new RunBench(2, term: 1);
        var stream = bench.Open(0, hello: new Hello { View = new ViewIdRecord { Epoch = 4, Nonce = 4 } });
        Assert.Null(bench.EvictedOn(stream));
        Assert.Contains("no record of that view", bench.TextOf(RunActionKind.Trouble), StringComparison.Ordinal);
        Assert.Contains(bench.Actions, action => action.Kind == RunActionKind.CloseStream);
    }

    private static RunBench Started(int members)
    {
        var bench = new RunBench(members, term: 5);
        for (uint member = 0; member < members; member++)
        {
            bench.Open(member, 10 + member);
        }

        bench.Event(new RunEvent(RunEventKind.Stored));
        Assert.Equal(RunPhase.Stable, bench.Phase);
        return bench;
    }
}
