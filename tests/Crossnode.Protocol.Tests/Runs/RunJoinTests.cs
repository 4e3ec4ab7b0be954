using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;

namespace Crossnode.Protocol.Tests.Runs;

[Trait("tier", "unit")]
public sealed class RunJoinTests
{
    [Fact]
    public void Newcomer_gets_the_next_number_and_everybody_is_asked_to_dial()
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77);
        Assert.Equal(2u, bench.SentOn(stream).Select(message => message.Welcome).Single(welcome => welcome is not null).Member);
        Assert.Equal([0u, 1u], bench.ProbesOn(stream).Select(probe => probe.Member));
        Assert.Equal(RunBench.IncarnationOf(1), bench.ProbesOn(stream).Last().Incarnation);
        Assert.All([0u, 1u], member => Assert.Equal((2u, 77UL), bench.SentTo(member).Select(m => (m.Probe.Member, m.Probe.Incarnation)).Single()));
        Assert.Equal(RunPhase.Stable, bench.Phase);
    }

    [Fact]
    public void Admission_is_a_prepare_that_gathers_nothing_and_its_view_lists_the_newcomer()
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0);
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Reached(stream, 1);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        Assert.True(bench.IsAsked(0));
        Assert.DoesNotContain(bench.SentOn(stream), message => message.Prepare is not null);
        bench.Answer(0, (1, 5, 6, 1));
        bench.Answer(1, (1, 6, 6, 1));
        Assert.Equal([0u, 1u, 2u], bench.Members);
        Assert.Equal([1L, 1L, 2L], bench.View.Record.Members.Select(member => member.Joined));
        Assert.Equal(3u, bench.View.Record.NextMember);
        Assert.Equal(6, bench.Tag(1).CommitPoint);
        Assert.Equal((LinkCondition.LinkProbation, LinkCondition.LinkProbation), (bench.Link(0, 2), bench.Link(1, 2)));
        Assert.Contains(bench.SentOn(stream), message => message.NewView is not null);
        Assert.Equal(2u, bench.Actions.Single(action => action.Kind == RunActionKind.MemberJoined).Member.Value);
        Assert.True(bench.View.Dials(2, 0) && bench.View.Dials(1, 0) && !bench.View.Dials(0, 2));
    }

    [Fact]
    public void Links_that_were_dialled_in_vain_are_left_out_and_one_is_enough() // R19
    {
        var bench = RunBench.Started(3);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0);
        bench.Reached(stream, 1, reached: false);
        bench.Wait(bench.Options.ProbeFor, 0, 1, 2);
        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.Heard(stream);
        bench.AnswerAll(3);
        Assert.Equal((LinkCondition.LinkProbation, LinkCondition.LinkOut, LinkCondition.LinkOut), (bench.Link(0, 3), bench.Link(1, 3), bench.Link(2, 3)));
    }

    [Fact]
    public void Newcomer_that_reaches_nobody_is_told_so_and_the_run_goes_on() // R19
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0, reached: false);
        bench.Reached(stream, 1, reached: false);
        var reason = bench.EvictedOn(stream)!.Reason;
        Assert.Contains("none of its connections to the members opened", reason, StringComparison.Ordinal);
        Assert.Contains("member 1 at 127.0.0.1:5001: refused", reason, StringComparison.Ordinal);
        Assert.Equal((RunPhase.Stable, 1L), (bench.Phase, bench.View.Id.Epoch));
    }

    [Fact]
    public void Newcomer_that_nobody_can_call_is_told_who_tried_and_goes_on()
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77);
        bench.CallResult(0, 2, 77, reached: false);
        Assert.DoesNotContain(bench.SentOn(stream), message => message.Notice is not null);
        bench.CallResult(1, 2, 77, reached: false);
        var text = bench.SentOn(stream).Single(message => message.Notice is not null).Notice.Text;
        Assert.Contains("called by no other member at 127.0.0.1:7077", text, StringComparison.Ordinal);
        Assert.Contains("member 0 (127.0.0.1:5000): refused; member 1 (127.0.0.1:5001): refused", text, StringComparison.Ordinal);
        Assert.Equal(text, bench.TextOf(RunActionKind.Notice));
        bench.Reached(stream, 0);
        bench.Reached(stream, 1);
        bench.AnswerAll(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Applicant_dies_with_its_stream() // R14
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0);
        bench.Reached(stream, 1);
        bench.Event(new RunEvent(RunEventKind.StreamClosed, stream));
        bench.AnswerAll(2);
        Assert.Equal([0u, 1u], bench.Members);
        var again = bench.Come(incarnation: 77);
        Assert.Equal(3u, bench.SentOn(again).First().Welcome.Member);
    }

    [Fact]
    public void Restarted_process_comes_back_in_the_view_that_its_old_one_leaves() // R9
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        var stream = bench.Open(2, incarnation: 77);
        Assert.Equal([0u, 1u], bench.ProbesOn(stream).Select(probe => probe.Member));
        bench.Reached(stream, 0);
        bench.Reached(stream, 1);
        bench.AnswerAll(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
        Assert.Equal((77UL, 2L), (bench.View.Incarnations[2], bench.View.Record.Members[2].Joined));
        Assert.Equal(LinkCondition.LinkProbation, bench.Link(0, 2));
        Assert.Contains("was started again", bench.TextOf(RunActionKind.MemberGone), StringComparison.Ordinal);
        Assert.Contains(bench.SentOn(stream), message => message.NewView is not null);
    }

    [Fact]
    public void Old_process_that_comes_after_its_successor_is_evicted_and_changes_nothing() // R9
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        var stream = bench.Open(2, incarnation: 77);
        bench.Reached(stream, 0);
        bench.Reached(stream, 1);
        bench.AnswerAll(2);
        var old = bench.Open(2, hello: new Hello { View = bench.View.Record.Predecessor }, incarnation: RunBench.IncarnationOf(2));
        Assert.Contains("another process has taken its number", bench.EvictedOn(old)!.Reason, StringComparison.Ordinal);
        Assert.Equal(RunPhase.Stable, bench.Phase);
    }

    [Fact]
    public void Evicted_number_comes_back_with_another_process_only()
    {
        var bench = RunBench.Started(3);
        bench.Leave(2);
        bench.Wait(RunBench.Gather, 0, 1, 2);
        bench.AnswerAll(3);
        Assert.Equal([0u, 1u], bench.Members);
        var same = bench.Open(2);
        Assert.Contains("left", bench.EvictedOn(same)!.Reason, StringComparison.Ordinal);
        var other = bench.Open(2, incarnation: 78);
        Assert.Equal(2, bench.ProbesOn(other).Count());
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, true)]
    public void Newcomer_that_is_gone_again_at_once_is_not_waited_for(int seconds, bool isWaitedFor)
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0);
        bench.Reached(stream, 1);
        bench.AnswerAll(2);
        bench.Jump(TimeSpan.FromSeconds(seconds) / 10);
        bench.Wait(TimeSpan.FromSeconds(seconds) * 0.9, 0, 1);
        bench.Event(new RunEvent(RunEventKind.StreamClosed, stream));
        bench.Wait(RunBench.Gather, 0, 1);
        bench.AnswerAll(2);
        Assert.Equal(isWaitedFor ? 2 : 3, bench.View.Id.Epoch);
    }

    [Fact]
    public void Newcomer_whose_view_was_lost_with_its_stream_gets_number_and_view_again() // R6, R14
    {
        var bench = RunBench.Started(1);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0);
        bench.AnswerAll(1);
        var again = bench.Come(incarnation: 77);
        Assert.Equal(1u, bench.SentOn(again).First().Welcome.Member);
        Assert.Contains(bench.SentOn(again), message => message.NewView is not null);
        Assert.Equal(2, bench.View.Id.Epoch);
    }

    [Fact]
    public void Change_that_happens_anyway_takes_ready_newcomers_along()
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        var first = bench.Come(incarnation: 77);
        var second = bench.Come(incarnation: 78);
        foreach (var stream in new[] { first, second })
        {
            bench.Reached(stream, 0);
            bench.Reached(stream, 1);
            bench.Reached(stream, 2);
        }

        bench.AnswerAll(3);
        Assert.Equal([0u, 1u, 2u, 3u, 4u], bench.Members);
        Assert.Equal(LinkCondition.LinkProbation, bench.Link(3, 4));
        Assert.Equal(2, bench.View.Id.Epoch);
    }

    [Fact]
    public void Newcomers_do_not_count_for_the_members_that_must_go_on() // R20
    {
        var bench = RunBench.Started(3, minMembers: 2);
        var stream = bench.Come(incarnation: 77);
        bench.Reached(stream, 0);
        bench.Close(1);
        bench.Close(2);
        bench.Wait(TimeSpan.FromSeconds(6), 0);
        bench.Heard(stream);
        bench.Answer(0);
        Assert.Equal((1L, RunPhase.Preparing), (bench.View.Id.Epoch, bench.Phase));
    }

    [Fact]
    public void Process_that_comes_before_the_first_view_joins_the_second()
    {
        var bench = new RunBench(2);
        bench.Open(0);
        var stream = bench.Come(incarnation: 77);
        Assert.Equal(2u, bench.SentOn(stream).Single().Welcome.Member);
        bench.Open(1);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Equal(2, bench.ProbesOn(stream).Count());
    }

    [Fact]
    public void Run_that_gives_the_first_numbers_gives_them_as_processes_come()
    {
        var bench = new RunBench(2, givesFirstNumbers: true);
        var first = bench.Come(incarnation: 77);
        bench.Event(new RunEvent(RunEventKind.StreamClosed, first));
        bench.Come(incarnation: 78);
        bench.Come(incarnation: 79);
        Assert.Equal([1u, 2u], bench.Members);
        Assert.Equal(3u, bench.View.Record.NextMember);
    }

    [Fact]
    public void Newcomer_that_waits_is_welcomed_at_once_and_admitted_when_it_is_ready()
    {
        var bench = RunBench.Started(2);
        var stream = bench.Come(incarnation: 77, new Hello { Waits = true });
        Assert.Contains(bench.SentOn(stream), message => message.Welcome is { Started: true, Member: 2 });
        bench.Reached(stream, 0);
        bench.Reached(stream, 1);
        Assert.Equal(RunPhase.Stable, bench.Phase);
        bench.Wait(TimeSpan.FromSeconds(5), 0, 1);
        Assert.Equal(RunPhase.Stable, bench.Phase);

        bench.Heard(stream);
        bench.Event(new RunEvent(RunEventKind.Message, stream, Message: new ControlMessage { Ready = new Ready() }));

        Assert.Equal(RunPhase.Preparing, bench.Phase);
        bench.AnswerAll(2);
        Assert.Equal([0u, 1u, 2u], bench.Members);
    }

    [Fact]
    public void Observer_is_told_how_the_run_stands_and_joins_nothing()
    {
        var bench = RunBench.Started(2);

        var stream = bench.Come(incarnation: 77, new Hello { Observes = true });

        var status = bench.SentOn(stream).Single().Status;
        Assert.Equal((true, 2u, 2u), (status.Started, status.Members, status.Expected));
        Assert.Contains(bench.Actions, action => action.Kind == RunActionKind.CloseStream && action.Stream == stream);
        Assert.DoesNotContain(bench.SentTo(0), message => message.Probe is not null);
    }

    [Fact]
    public void Coordinator_that_was_told_nothing_believes_the_first_process()
    {
        var bench = new RunBench(0, givesFirstNumbers: true);
        bench.Jump(TimeSpan.FromHours(1));
        Assert.Equal(RunPhase.Forming, bench.Phase);

        bench.Come(1, new Hello { Expected = 2, Charter = Google.Protobuf.ByteString.CopyFromUtf8("ours") });
        bench.Come(2, new Hello { Expected = 9, Charter = Google.Protobuf.ByteString.CopyFromUtf8("theirs") });

        Assert.Equal(RunPhase.Stable, bench.Phase);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Equal("ours"u8.ToArray(), bench.Machine.Charter.ToArray());
    }

    [Fact]
    public void Coordinator_that_was_told_nothing_gives_the_others_a_time_once_the_first_is_here()
    {
        var bench = new RunBench(0, givesFirstNumbers: true);
        bench.Jump(TimeSpan.FromHours(1));
        bench.Come(1, new Hello { Expected = 2 });

        bench.Wait(bench.Options.StartTimeout);

        Assert.Equal(RunPhase.Failed, bench.Phase);
    }
}
