using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;

namespace Crossnode.Protocol.Tests.Runs;

/// <summary>What the next view says of operations and links: R13, R16, R19.</summary>
[Trait("tier", "unit")]
public sealed class RunOutcomeTests
{
    private const uint Retry = 1;
    private const uint Report = 2;
    private const uint BestEffort = 3;

    [Fact]
    public void Reported_operations_are_killed_between_commit_point_and_highest_started() // R13
    {
        var bench = RunBench.Started(3);
        bench.Close(2);
        bench.Report(0, 2);
        bench.Report(1, 2);
        bench.Answer(0, (1, 4, 7, Report), (2, 4, 7, Retry));
        bench.Answer(1, (1, 5, 5, Report), (2, 4, 4, Retry));
        Assert.Equal(5, bench.Tag(1).CommitPoint);
        Assert.Equal([6L, 7L], bench.Tag(1).Killed.Select(killed => killed.Sequence));
        Assert.All(bench.Tag(1).Killed, killed => Assert.Equal((uint)ErrorKind.Membership, killed.Kind));
        Assert.StartsWith("the view changed (member 2 (worker 2)", bench.Tag(1).Killed[0].Reason, StringComparison.Ordinal);
        Assert.Empty(bench.Tag(2).Killed);
    }

    [Fact]
    public void Best_effort_operations_are_left_behind_up_to_the_highest_started()
    {
        var bench = RunBench.Started(2);
        bench.RequestChange(0);
        bench.Answer(0, (1, 4, 6, BestEffort));
        bench.Answer(1, (1, 2, 3, BestEffort));
        Assert.Equal(6, bench.Tag(1).CommitPoint);
        Assert.Empty(bench.Tag(1).Killed);
    }

    [Fact]
    public void Condemned_operation_dies_unless_some_answer_committed_it() // R16
    {
        var bench = RunBench.Started(2);
        bench.RequestChange(0);
        bench.AnswerCondemning(0, (1, 3, (uint)ErrorKind.Cancelled, "cancelled"), (1, 5, (uint)ErrorKind.Deadline, "too late"));
        bench.Answer(1, (1, 3, 4, Retry));
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Equal(3, bench.Tag(1).CommitPoint);
        var killed = Assert.Single(bench.Tag(1).Killed);
        Assert.Equal((5, (uint)ErrorKind.Deadline, "member 0: too late"), (killed.Sequence, killed.Kind, killed.Reason));
    }

    [Fact]
    public void Killed_numbers_pass_from_record_to_record_until_the_commit_point_passes_them() // R16
    {
        var bench = RunBench.Started(1);
        bench.RequestChange(0);
        bench.AnswerCondemning(0, (1, 2, (uint)ErrorKind.Cancelled, "cancelled"));
        bench.RequestChange(0);
        bench.Answer(0, (1, 1, 1, Retry));
        Assert.Equal(2, Assert.Single(bench.Tag(1).Killed).Sequence);
        bench.RequestChange(0);
        bench.Answer(0, (1, 3, 3, Retry));
        Assert.Empty(bench.Tag(1).Killed);
    }

    [Fact]
    public void Mismatch_shows_both_sides_once() // R16
    {
        var bench = RunBench.Started(3);
        bench.RequestChange(0);
        bench.AnswerCondemning(0, (1, 2, (uint)ErrorKind.Cancelled, "called all-reduce f32"));
        bench.AnswerCondemning(1, (1, 2, (uint)ErrorKind.Mismatch, "called broadcast f64"));
        bench.AnswerCondemning(2, (1, 2, (uint)ErrorKind.Mismatch, "called broadcast f64"));
        var killed = Assert.Single(bench.Tag(1).Killed);
        Assert.Equal((uint)ErrorKind.Mismatch, killed.Kind);
        Assert.Equal("member 0: called all-reduce f32; member 1: called broadcast f64", killed.Reason);
    }

    [Fact]
    public void Change_request_of_another_view_starts_nothing()
    {
        var bench = RunBench.Started(2);
        bench.Message(0, new ControlMessage { ChangeRequest = new ChangeRequest { View = new ViewIdRecord { Epoch = 9 } } });
        Assert.Equal(RunPhase.Stable, bench.Phase);
    }

    [Fact]
    public void Broken_link_between_living_members_goes_on_probation_then_out() // R19
    {
        var bench = Settled(3);
        bench.Report(0, 2, reason: "nothing heard for 10 s");
        bench.Report(2, 0);
        AnswerAll(bench, 3);
        Assert.Equal(LinkCondition.LinkProbation, bench.Link(0, 2));
        Assert.True(bench.View.Links.IsComplete);
        var text = bench.TextOf(RunActionKind.ViewAnnounced);
        Assert.Contains("the link between member 0 and member 2 is on probation", text, StringComparison.Ordinal);
        Assert.Contains("nothing heard for 10 s", text, StringComparison.Ordinal);
        bench.Report(0, 2);
        bench.Report(2, 0);
        AnswerAll(bench, 3);
        Assert.Equal(LinkCondition.LinkOut, bench.Link(0, 2));
        Assert.False(bench.View.Links.HasLink(0, 2));
        Assert.Contains("left out", bench.TextOf(RunActionKind.ViewAnnounced), StringComparison.Ordinal);
    }

    [Fact]
    public void Link_that_never_opened_is_left_out_at_once_and_one_end_suffices() // R19
    {
        var bench = RunBench.Started(3);
        bench.Report(2, 0, neverOpened: true);
        bench.Wait(RunBench.Gather, 0, 1, 2);
        AnswerAll(bench, 3);
        Assert.Equal(LinkCondition.LinkOut, bench.Link(0, 2));
        Assert.Equal(LinkCondition.LinkProbation, bench.Link(0, 1));
    }

    [Fact]
    public void Probation_ends_when_a_view_commits_without_a_report() // R19
    {
        var bench = Settled(2);
        Assert.Equal(LinkCondition.LinkUp, bench.Link(0, 1));
    }

    [Fact]
    public void Left_out_link_returns_only_after_a_commit_and_not_by_a_link_report() // R19
    {
        var bench = RunBench.Started(4);
        bench.Report(2, 0, neverOpened: true);
        bench.Wait(RunBench.Gather, 0, 1, 2, 3);
        AnswerAll(bench, 4);
        bench.RequestChange(1);
        AnswerAll(bench, 4);
        Assert.Equal(LinkCondition.LinkOut, bench.Link(0, 2));
        bench.Report(1, 3);
        bench.Report(3, 1);
        AnswerAll(bench, 4, committed: 5);
        Assert.Equal(LinkCondition.LinkOut, bench.Link(0, 2));
        bench.RequestChange(1);
        AnswerAll(bench, 4, committed: 9);
        Assert.Equal(LinkCondition.LinkProbation, bench.Link(0, 2));
    }

    [Fact]
    public void Largest_part_goes_on_when_the_links_do_not_join_all() // R19
    {
        var bench = RunBench.Started(3);
        bench.Report(2, 0, neverOpened: true);
        bench.Report(2, 1, neverOpened: true);
        bench.Wait(RunBench.Gather, 0, 1, 2);
        AnswerAll(bench, 3);
        Assert.Equal([0u, 1u], bench.Members);
        Assert.Contains("no working link joins it", bench.EvictedAt(2)!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_parts_are_decided_by_streams_then_by_the_first_member() // R19
    {
        var bench = RunBench.Started(2);
        bench.Report(1, 0, neverOpened: true);
        bench.Report(0, 1, neverOpened: true);
        bench.Answer(0);
        bench.Answer(1);
        Assert.Equal([0u], bench.Members);

        bench = RunBench.Started(2);
        bench.Report(1, 0, neverOpened: true);
        bench.Report(0, 1, neverOpened: true);
        bench.Answer(0);
        bench.Close(0);
        Assert.Equal([1u], AfterAnswer(bench, 1));
    }

    [Theory]
    [InlineData(ProtocolRules.R2)]
    [InlineData(ProtocolRules.R4)]
    [InlineData(ProtocolRules.R6)]
    [InlineData(ProtocolRules.R8)]
    [InlineData(ProtocolRules.R13)]
    [InlineData(ProtocolRules.R16)]
    [InlineData(ProtocolRules.R19)]
    [InlineData(ProtocolRules.R20)]
    public void Each_rule_can_be_switched_off_and_changes_still_end(ProtocolRules rule)
    {
        var bench = RunBench.Started(3, ProtocolRules.All & ~rule);
        bench.Close(2);
        bench.Report(0, 2);
        bench.Report(1, 2);
        bench.AnswerCondemning(0, (1, 2, (uint)ErrorKind.Cancelled, "cancelled"));
        bench.Answer(1, (1, 0, 3, Report));
        bench.Wait(TimeSpan.FromSeconds(0.5), 0, 1);
        Assert.Equal([0u, 1u], bench.Members);
        var expected = rule switch { ProtocolRules.R13 => 1, ProtocolRules.R16 => 3, _ => 3 };
        Assert.Equal(expected, bench.Tag(1).Killed.Count);
    }

    private static IEnumerable<uint> AfterAnswer(RunBench bench, uint member)
    {
        bench.Answer(member);
        if (bench.View.Id.Epoch == 1)
        {
            bench.Wait(bench.Options.Grace, member);
        }

        return bench.Members;
    }

    // A run whose links are all up: view 1 committed something without a report.
    private static RunBench Settled(uint members)
    {
        var bench = RunBench.Started((int)members);
        bench.RequestChange(0);
        AnswerAll(bench, members, committed: 1);
        Assert.Empty(bench.View.Record.Links);
        return bench;
    }

    private static void AnswerAll(RunBench bench, uint members, long committed = 0)
    {
        var epoch = bench.View.Id.Epoch;
        for (uint member = 0; member < members; member++)
        {
            if (committed > 0)
            {
                bench.Answer(member, (1, committed, committed, Retry));
            }
            else
            {
                bench.Answer(member);
            }
        }

        Assert.Equal(epoch + 1, bench.View.Id.Epoch);
    }
}
