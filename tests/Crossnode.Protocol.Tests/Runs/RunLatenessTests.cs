using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;

namespace Crossnode.Protocol.Tests.Runs;

/// <summary>What a member that was late, or a coordinator that stood still, can and cannot know of others.</summary>
[Trait("tier", "unit")]
public sealed class RunLatenessTests
{
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(2.5);

    [Fact]
    public void Dials_to_a_member_that_installed_late_leave_no_link_out()
    {
        var bench = RunBench.Started(3);
        bench.Wait(DialTimeout, 0, 1, 2);
        ReportUnanswered(bench);
        Answer(bench, 0, installedFor: DialTimeout);
        Answer(bench, 1, installedFor: DialTimeout);
        Answer(bench, 2, installedFor: TimeSpan.Zero);
        Assert.Equal([0u, 1u, 2u], bench.Members);
        Assert.NotEqual(LinkCondition.LinkOut, bench.Link(0, 2));
        Assert.NotEqual(LinkCondition.LinkOut, bench.Link(1, 2));
    }

    [Fact]
    public void Member_that_is_late_twice_without_a_commit_in_between_loses_its_links()
    {
        var bench = RunBench.Started(3);
        for (var view = 0; view < 2; view++)
        {
            bench.Wait(DialTimeout, 0, 1, 2);
            ReportUnanswered(bench);
            Answer(bench, 0, installedFor: DialTimeout);
            Answer(bench, 1, installedFor: DialTimeout);
            Answer(bench, 2, installedFor: TimeSpan.Zero);
        }

        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Unanswered_dials_are_no_sign_of_death_while_the_grace_lasts()
    {
        var bench = RunBench.Started(3);
        bench.Wait(DialTimeout, 0, 1, 2);
        bench.Close(2);
        ReportUnanswered(bench);
        bench.Wait(RunBench.Gather, 0, 1);
        Answer(bench, 0, installedFor: DialTimeout);
        Answer(bench, 1, installedFor: DialTimeout);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Open(2, hello: new Hello());
        Answer(bench, 2, installedFor: TimeSpan.Zero);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Own_pause_is_forgiven_whatever_event_comes_first()
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        // No tick yet: what came meanwhile is read first.
        bench.Pause(TimeSpan.FromSeconds(2.5));
        bench.Answer(1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Open(2, hello: new Hello { View = bench.Id });
        bench.Answer(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Stream_lost_while_the_coordinator_stood_still_freezes_nobody_and_may_come_back_as_late_as_after_a_restart()
    {
        var bench = RunBench.Started(3);
        bench.Pause(LongPause);
        bench.Close(2);
        bench.Wait(bench.Options.ReattachFor - TimeSpan.FromSeconds(1), 0, 1);
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Open(2, hello: new Hello { View = bench.Id });
        bench.Wait(2 * bench.Options.ReattachFor, 0, 1, 2);
        Assert.Equal(RunPhase.Stable, bench.Phase);
        Assert.Equal(1, bench.View.Id.Epoch);
    }

    [Fact]
    public void Member_that_was_away_already_when_the_coordinator_stood_still_may_come_back_as_late_as_after_a_restart()
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        bench.Pause(LongPause);
        bench.Wait(bench.Options.ReattachFor - TimeSpan.FromSeconds(1), 0, 1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Open(2, hello: new Hello { View = bench.Id });
        bench.Answer(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Member_that_does_not_come_back_to_a_coordinator_that_stood_still_is_out_after_that_time()
    {
        var bench = RunBench.Started(3);
        bench.Pause(LongPause);
        bench.Close(2);
        bench.Wait(bench.Options.ReattachFor + RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal([0u, 1u], bench.Members);
        var late = bench.Open(2, hello: new Hello { View = new() { Epoch = 1 } });
        Assert.Contains(
            "it did not come back within 20.0 s after the coordinator had stood still", bench.EvictedOn(late)!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Neighbours_show_at_once_that_a_member_died_while_the_coordinator_stood_still()
    {
        var bench = RunBench.Started(3);
        bench.Pause(LongPause);
        bench.Close(2);
        bench.Report(0, 2);
        bench.Report(1, 2);
        Answer(bench, 0, installedFor: LongPause);
        Answer(bench, 1, installedFor: LongPause);
        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Neighbours_that_installed_late_cannot_show_that_a_member_is_dead()
    {
        var bench = RunBench.Started(3);
        bench.Wait(DialTimeout, 0, 1, 2);
        bench.Close(2);
        bench.Report(0, 2, reason: "closed by the other side");
        bench.Report(1, 2, reason: "closed by the other side");
        Answer(bench, 0, installedFor: TimeSpan.Zero);
        Answer(bench, 1, installedFor: TimeSpan.Zero);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Open(2, hello: new Hello { View = bench.Id });
        Answer(bench, 2, installedFor: DialTimeout);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Theory]
    // Long after the coordinator went on, and after a pause that no dial can have outlasted.
    [InlineData(2.5, 2.5)]
    [InlineData(1.5, 0)]
    public void Stream_that_no_pause_explains_has_the_grace_and_no_more(double paused, double later)
    {
        var bench = RunBench.Started(3);
        bench.Pause(TimeSpan.FromSeconds(paused));
        bench.Wait(TimeSpan.FromSeconds(later) + RunBench.Gather, 0, 1, 2);
        bench.Close(2);
        bench.Wait(RunBench.Gather, 0, 1);
        bench.Answer(0);
        bench.Answer(1);
        bench.Wait(bench.Options.Grace, 0, 1);
        Assert.Equal([0u, 1u], bench.Members);
    }

    [Fact]
    public void Enough_members_that_too_few_links_join_try_every_link_again_after_a_pause()
    {
        var bench = RunBench.Started(2, minMembers: 2);
        bench.Report(0, 1);
        bench.Report(1, 0);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal(1, bench.View.Id.Epoch);
        bench.Wait(TimeSpan.FromSeconds(1.1), 0, 1);
        Assert.True(bench.IsAsked(0));
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Equal(LinkCondition.LinkProbation, bench.Link(0, 1));
    }

    [Fact]
    public void Member_that_asked_to_leave_and_died_before_it_answered_has_not_left()
    {
        var bench = RunBench.Started(3);
        bench.Leave(2);
        bench.Wait(RunBench.Gather, 0, 1, 2);
        bench.Answer(0);
        bench.Answer(1);
        bench.Close(2);
        bench.Wait(TimeSpan.FromSeconds(2.1), 0, 1);
        Assert.Equal([0u, 1u], bench.Members);
        var late = bench.Open(2, hello: new Hello { View = new() { Epoch = 1 }, Leaving = true });
        Assert.False(bench.EvictedOn(late)!.Left);
        Assert.Contains("did not come back", bench.EvictedOn(late)!.Reason, StringComparison.Ordinal);
    }

    private static void ReportUnanswered(RunBench bench)
    {
        foreach (var member in (uint[])[0, 1])
        {
            var report = bench.ReportOf(2, neverOpened: true, reason: "not open after 3 s");
            report.Unanswered = true;
            bench.Message(member, new ControlMessage { LinkReport = report });
        }

        bench.Wait(RunBench.Gather, 0, 1);
    }

    private static void Answer(RunBench bench, uint member, TimeSpan installedFor)
    {
        var answer = bench.AnswerOf();
        answer.InstalledMs = (ulong)installedFor.TotalMilliseconds;
        bench.Message(member, new ControlMessage { Answer = answer });
    }
}
