using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Tests.Runs;

/// <summary>Who is asked, when PREPARE closes, and who continues: R1 to R9, R20.</summary>
[Trait("tier", "unit")]
public sealed class RunChangeTests
{
    [Fact]
    public void Kill_of_one_of_four_needs_no_timer()
    {
        var bench = RunBench.Started(4);
        bench.Close(2);
        bench.Report(0, 2);
        bench.Report(1, 2);
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Report(3, 2);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        Assert.True(bench.IsAsked(0) && bench.IsAsked(1) && bench.IsAsked(3));
        bench.Answer(0);
        bench.Answer(1);
        bench.Answer(3);
        Assert.Equal([0u, 1u, 3u], bench.Members);
        Assert.Equal(2, bench.View.Id.Epoch);
        Assert.Contains("member 2 (worker 2) was evicted", bench.TextOf(RunActionKind.ViewAnnounced), StringComparison.Ordinal);
        Assert.Contains("all its neighbours lost their links", bench.TextOf(RunActionKind.MemberGone), StringComparison.Ordinal);
    }

    [Fact]
    public void Reports_in_answers_show_that_a_member_is_gone()
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        foreach (var member in new uint[] { 0, 1 })
        {
            var answer = bench.AnswerOf();
            answer.Reports.Add(bench.ReportOf(2));
            bench.Message(member, new ControlMessage { Answer = answer });
        }

        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Member_that_lives_and_never_answers_does_not_stop_the_others_for_ever()
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        bench.Answer(0);
        bench.Answer(1);

        // It comes back on new streams, too.
        bench.Wait(TimeSpan.FromSeconds(5), 0, 1, 2);
        bench.Close(2);
        bench.Open(2, hello: new Hello { View = bench.Id, Frozen = true });
        Assert.True(bench.IsAsked(2));
        bench.Wait(TimeSpan.FromSeconds(4.9), 0, 1, 2);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Wait(TimeSpan.FromSeconds(0.1), 0, 1, 2);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Contains("no answer for 10.0 s", bench.TextOf(RunActionKind.MemberGone), StringComparison.Ordinal);
    }

    [Fact]
    public void Closed_stream_with_living_links_gets_its_grace()
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        bench.Wait(TimeSpan.FromSeconds(1.9), 0, 1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Wait(TimeSpan.FromSeconds(0.1), 0, 1);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Contains("did not come back within 2.0 s", bench.TextOf(RunActionKind.ViewAnnounced), StringComparison.Ordinal);
    }

    [Fact]
    public void Member_that_comes_back_in_time_is_asked_and_stays() // R20
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        bench.Open(2, hello: new Hello { View = bench.Id });
        Assert.Same(bench.View.Record, bench.SentTo(2).Single(message => message.Prepare is not null).Prepare.View);
        bench.Answer(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
        Assert.Equal(2, bench.View.Id.Epoch);
    }

    [Fact]
    public void Suspect_with_an_open_stream_is_asked_too() // R20
    {
        var bench = RunBench.Started(3);
        bench.Report(0, 2);
        bench.Report(2, 0);
        Assert.True(bench.IsAsked(0) && bench.IsAsked(1) && bench.IsAsked(2));
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal(1, bench.View.Id.Epoch);
        bench.Answer(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Silent_member_is_asked_and_evicted_after_its_deadline()
    {
        var bench = RunBench.Started(3);
        bench.Wait(TimeSpan.FromSeconds(10.1), 0, 1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        Assert.True(bench.IsAsked(2));
        bench.Answer(0);
        bench.Answer(1);
        bench.Wait(TimeSpan.FromSeconds(2.1), 0, 1);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Matches(
            @"member 2 \(worker 2\) was evicted: nothing heard from it for 1[0-9]\.[0-9] s", bench.EvictedAt(2)!.Reason);
        Assert.Equal(bench.Id, bench.EvictedAt(2)!.View);
    }

    [Fact]
    public void Commit_points_come_from_all_answers_also_of_who_does_not_continue() // R2
    {
        var bench = RunBench.Started(3);
        bench.Leave(2);
        bench.Wait(RunBench.Gather, 0, 1, 2);
        bench.Answer(0, (7, 4, 6, 1));
        bench.Answer(1, (7, 4, 5, 1));
        bench.Answer(2, (7, 5, 5, 1));
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Equal(5, bench.Tag(7).CommitPoint);
        Assert.Empty(bench.Tag(7).Killed);
    }

    [Fact]
    public void Answer_for_another_view_does_not_count() // R4
    {
        var bench = RunBench.Started(2);
        var first = bench.View.Id;
        bench.RequestChange(0);
        bench.Answer(0);
        var answer = bench.AnswerOf((1, 9, 9, 1));
        answer.View = new ViewIdRecord { Epoch = 1, Nonce = 99 };
        bench.Message(1, new ControlMessage { Answer = answer });
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Answer(1);
        Assert.Equal(first, bench.View.Predecessor);
        Assert.Empty(bench.View.Record.Tags);
    }

    [Fact]
    public void Prepare_carries_the_whole_record_to_one_that_missed_it() // R4
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        bench.Answer(0);
        bench.Answer(1);
        bench.Answer(2);
        var second = bench.View;
        bench.RequestChange(0);
        bench.Close(1);
        bench.Open(1, hello: new Hello { View = second.Predecessor.ToRecord(), Frozen = true });
        var prepare = bench.SentTo(1).Single().Prepare;
        Assert.Equal(second.Id, prepare.View.Id.ToId());
        Assert.Equal(3, prepare.View.Members.Count);
    }

    [Fact]
    public void Reconnecting_member_of_the_predecessor_gets_the_view_again() // R6
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        bench.Answer(0);
        bench.Answer(1);
        bench.Answer(2);
        bench.Open(1, hello: new Hello { View = bench.View.Predecessor.ToRecord(), Frozen = true });
        Assert.Same(bench.View.Record, bench.SentTo(1).Single().NewView.View);
        Assert.Equal(RunPhase.Stable, bench.Phase);
    }

    [Fact]
    public void Reconnecting_member_of_the_view_needs_nothing_unless_it_is_frozen() // R6
    {
        var bench = RunBench.Started(2);
        bench.Open(1, hello: new Hello { View = bench.Id });
        Assert.Empty(bench.SentTo(1));
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Open(1, hello: new Hello { View = bench.Id, Frozen = true });
        Assert.True(bench.IsAsked(1) && bench.IsAsked(0));
    }

    [Fact]
    public void Condemned_numbers_in_hello_start_a_change() // R6, R16
    {
        var bench = RunBench.Started(2);
        var hello = new Hello { View = bench.Id };
        hello.Condemned.Add(new Condemned { Tag = 1, Sequence = 3, Kind = (uint)ErrorKind.Cancelled, Reason = "cancelled" });
        bench.Open(1, hello: hello);
        Assert.True(bench.IsAsked(0));
    }

    [Fact]
    public void Evicted_member_that_comes_back_is_told_why_with_the_view() // R6, R9
    {
        var bench = RunBench.Started(2);
        var first = bench.Id;
        bench.Close(1);
        bench.Report(0, 1);
        bench.Answer(0);
        Assert.Equal([0u], bench.Members);
        var back = bench.Open(1, hello: new Hello { View = first });
        var evicted = bench.EvictedOn(back)!;
        Assert.Equal(bench.Id, evicted.View);
        Assert.False(evicted.Left);
        Assert.Contains("member 1 (worker 1) was evicted", evicted.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_of_an_earlier_round_do_not_count() // R8
    {
        var bench = RunBench.Started(2, minMembers: 2);
        bench.Close(1);
        bench.Report(0, 1);
        var early = bench.AnswerOf((1, 3, 3, 1));
        bench.Message(0, new ControlMessage { Answer = early });
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Wait(TimeSpan.FromSeconds(1.1), 0);
        Assert.True(bench.IsAsked(0));
        Assert.NotEqual(early.Round, bench.Round);
        bench.Message(0, new ControlMessage { Answer = early });
        bench.Open(1, hello: new Hello { View = bench.Id });
        bench.Answer(1);
        Assert.Equal(1, bench.View.Id.Epoch);
        bench.Answer(0, (1, 3, 3, 1));
        Assert.Equal(2, bench.View.Id.Epoch);
        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void New_stream_voids_the_old_one_and_its_answer() // R8
    {
        var bench = RunBench.Started(2);
        bench.RequestChange(0);
        bench.Answer(0);
        bench.Open(0, 200, new Hello { View = bench.Id, Frozen = true });
        Assert.Contains(bench.Actions, action => action.Kind == RunActionKind.CloseStream && action.Stream == 10);
        Assert.True(bench.IsAsked(0));
        bench.Event(new RunEvent(RunEventKind.Message, 10, Message: new ControlMessage { Answer = bench.AnswerOf() }));
        bench.Event(new RunEvent(RunEventKind.StreamClosed, 10));
        bench.Answer(1);
        Assert.Equal(1, bench.View.Id.Epoch);
        bench.Answer(0);
        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Restarted_process_is_a_newcomer_and_the_old_one_is_gone_at_once() // R9
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        var stream = bench.Open(2, incarnation: 77);
        Assert.Null(bench.EvictedOn(stream));
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Answer_of_a_process_that_was_restarted_counts_but_does_not_continue() // R9
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        bench.Answer(2, (1, 8, 8, 1));
        bench.Close(2);
        bench.Open(2, incarnation: 77);
        bench.Answer(0, (1, 7, 8, 1));
        bench.Answer(1, (1, 7, 8, 1));
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Equal(8, bench.Tag(1).CommitPoint);
    }

    [Fact]
    public void Member_that_answered_and_lost_its_stream_continues_under_suspicion()
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        bench.Answer(2);
        bench.Close(2);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal([0u, 1u, 2u], bench.Members);
        bench.Wait(RunBench.Gather, 0, 1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
    }

    [Fact]
    public void Without_answers_it_never_closes_and_asks_again() // R20
    {
        var bench = RunBench.Started(2);
        bench.Close(0);
        bench.Close(1);
        bench.Wait(TimeSpan.FromSeconds(20));
        Assert.Equal(1, bench.View.Id.Epoch);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Open(1, hello: new Hello { View = bench.Id, Frozen = true });
        Assert.True(bench.IsAsked(1));
        bench.Answer(1);
        Assert.Equal([1u], bench.Members);
    }

    [Fact]
    public void Repeated_asking_backs_off()
    {
        var bench = RunBench.Started(2, minMembers: 2);
        bench.Close(1);
        bench.Report(0, 1);
        var rounds = new List<double>();
        for (var second = 0; second < 400; second++)
        {
            var before = bench.Round;
            bench.Wait(TimeSpan.FromMilliseconds(100), 0);
            if (bench.Round != before)
            {
                rounds.Add(bench.Now.TotalSeconds);
            }

            if (bench.IsAsked(0) || second == 0)
            {
                bench.Answer(0);
            }
        }

        var pauses = rounds.Zip(rounds.Skip(1), (a, b) => Math.Round(b - a)).ToList();
        Assert.Equal([2, 4, 8, 10], pauses.Take(4));
    }

    [Fact]
    public void Run_with_nobody_left_is_lost()
    {
        var bench = RunBench.Started(2);
        bench.Close(0);
        bench.Close(1);
        bench.Wait(TimeSpan.FromSeconds(91));
        Assert.Equal(RunPhase.Failed, bench.Phase);
        Assert.Contains("the run is lost", bench.TextOf(RunActionKind.Failed), StringComparison.Ordinal);
    }

    [Fact]
    public void Own_suspension_is_held_against_nobody()
    {
        var bench = RunBench.Started(3);
        bench.Wait(TimeSpan.FromSeconds(1), 0, 1, 2);
        bench.Jump(TimeSpan.FromSeconds(30));
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Wait(TimeSpan.FromSeconds(9.5), 0, 1, 2);
        Assert.Equal(RunPhase.Stable, bench.Phase);
    }

    [Fact]
    public void Own_suspension_does_not_use_up_the_grace()
    {
        var bench = RunBench.Started(3);
        bench.Wait(TimeSpan.FromSeconds(1), 0, 1, 2);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        bench.Jump(TimeSpan.FromSeconds(30));
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Open(2, hello: new Hello { View = bench.Id });
        bench.Answer(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Heartbeats_go_to_every_member()
    {
        var bench = RunBench.Started(2);
        bench.Wait(TimeSpan.FromSeconds(3.5), 0, 1);
        Assert.InRange(bench.SentTo(0).Count(message => message.Heartbeat is not null), 3, 4);
        Assert.InRange(bench.SentTo(1).Count(message => message.Heartbeat is not null), 3, 4);
    }

    [Fact]
    public void Leaving_member_is_let_go_and_those_who_stay_get_a_view()
    {
        var bench = RunBench.Started(3);
        bench.Leave(1);
        bench.Wait(RunBench.Gather, 0, 1, 2);
        bench.Answer(0);
        bench.Answer(1);
        bench.Answer(2);
        Assert.Equal([0u, 2u], bench.Members);
        Assert.True(bench.EvictedAt(1)!.Left);
        Assert.Contains(bench.Actions, action => action.Kind == RunActionKind.MemberGone && action.Member == new MemberId(1));
    }

    [Fact]
    public void Run_is_finished_when_all_have_left()
    {
        var bench = RunBench.Started(2, minMembers: 2);
        bench.Leave(1);
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Leave(0);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal(RunPhase.Finished, bench.Phase);
        Assert.True(bench.EvictedAt(0)!.Left);
        Assert.True(bench.EvictedAt(1)!.Left);
        Assert.Equal(RunActionKind.Finished, bench.Actions[^1].Kind);
        var late = bench.Open(0, hello: new Hello { Leaving = true });
        Assert.True(bench.EvictedOn(late)!.Left);
    }

    [Fact]
    public void One_who_leaves_does_not_block_the_rest_by_the_minimum()
    {
        var bench = RunBench.Started(2, minMembers: 2);
        bench.Leave(1);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal([0u], bench.Members);
    }
}
