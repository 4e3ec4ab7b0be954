using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Tests.Members;

/// <summary>Goal: decisions of one member that real runs reach rarely. Method: the machine on a table, time and messages by hand.</summary>
[Trait("tier", "unit")]
public sealed class MemberMachineTests
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(100);

    // With one pair of a large view out, tokens go along a tree whose root has more children than a word has bits.
    [Fact]
    public void Root_of_a_wide_tree_waits_for_each_child()
    {
        const int Members = 140;
        var machine = InView(Members, (1, 2));
        Assert.False(machine.View!.Barrier.IsDissemination);
        var actions = new List<MemberAction>();
        var sequence = machine.Submit(0, 1, actions);
        Step(machine, new MemberEvent(MemberEventKind.DataComplete, Sequence: sequence));
        for (var child = 1; child < Members; child++)
        {
            actions = Step(machine, new MemberEvent(MemberEventKind.Token, child, Sequence: sequence, Round: BarrierPlan.Up));
            Assert.Equal(child == Members - 1, actions.Exists(action => action.Kind == MemberActionKind.Commit));
        }
    }

    [Fact]
    public void Best_effort_operation_commits_without_a_token_and_is_left_behind_by_a_new_view()
    {
        var machine = InView(3);
        var actions = new List<MemberAction>();
        Assert.Equal([1L, 2L, 3L], new[] { 1, 2, 3 }.Select(_ => machine.Submit(0, TagMode.BestEffort, actions)));
        actions = Step(machine, new MemberEvent(MemberEventKind.DataComplete, Sequence: 1));
        Assert.Equal([MemberActionKind.Commit], actions.Select(action => action.Kind));

        // Others had begun up to number 5.
        Receive(machine, new ControlMessage { Prepare = new Prepare { View = machine.View!.Record, Round = 1 } });
        var next = machine.View.Record.Clone();
        next.Predecessor = next.Id;
        next.Id = new ViewIdRecord { Epoch = 2, Nonce = 1 };
        next.Tags.Add(new TagRecord { Tag = 0, CommitPoint = 5 });
        actions = Receive(machine, new ControlMessage { NewView = new NewView { View = next } });
        Assert.Equal([2L, 3L], actions.Where(action => action.Kind == MemberActionKind.Abort).Select(action => action.Sequence));
        Assert.DoesNotContain(actions, action => action.Kind == MemberActionKind.Commit);
        actions.Clear();
        Assert.Equal([4L, 5L, 6L], new[] { 1, 2, 3 }.Select(_ => machine.Submit(0, TagMode.BestEffort, actions)));
        Assert.Equal(
            [MemberActionKind.Abort, MemberActionKind.Abort, MemberActionKind.StartOperation], actions.Select(action => action.Kind));
    }

    [Fact]
    public void Record_that_is_no_view_changes_nothing()
    {
        var machine = InView(3);
        var record = machine.View!.Record.Clone();
        record.Predecessor = record.Id;
        record.Id = new ViewIdRecord { Epoch = 2, Nonce = 1 };
        record.Links.Add(new LinkRecord { First = 0, Second = 1, Condition = LinkCondition.LinkOut });
        record.Links.Add(new LinkRecord { First = 0, Second = 2, Condition = LinkCondition.LinkOut });
        Assert.Throws<ProtocolException>(() => Receive(machine, new ControlMessage { NewView = new NewView { View = record } }));
        Assert.Throws<ProtocolException>(() => Receive(machine, new ControlMessage { Prepare = new Prepare { View = record } }));
        Assert.Equal(1, machine.View.Id.Epoch);
        Assert.False(machine.IsFrozen);
    }

    [Fact]
    public void Coordinator_that_takes_the_connection_and_says_nothing_is_dialled_again()
    {
        var machine = new MemberMachine(Options);
        var kinds = new List<MemberActionKind>();
        for (var now = Start; now < Start + TimeSpan.FromSeconds(12); now += TimeSpan.FromSeconds(0.5))
        {
            kinds.AddRange(Step(machine, new MemberEvent(MemberEventKind.Tick), now).Select(action => action.Kind));
        }

        Assert.Equal([MemberActionKind.ConnectControl, MemberActionKind.CloseControl, MemberActionKind.ConnectControl], kinds);
    }

    [Fact]
    public void Broken_link_may_not_open_again_in_its_view()
    {
        var machine = InView(2);
        Assert.True(machine.MayOpen(1));
        Step(machine, new MemberEvent(MemberEventKind.LinkDown, 1, Text: "not open after 3 s"));
        Assert.False(machine.MayOpen(1));
        Assert.False(machine.MayOpen(7));
    }

    private static MemberOptions Options => new() { Self = new MemberId(0), Incarnation = 1000, Endpoint = "127.0.0.1:1" };

    private static MemberMachine InView(int members, params (uint First, uint Second)[] outLinks)
    {
        var record = new ViewRecord { Id = new ViewIdRecord { Epoch = 1, Nonce = 9 } };
        for (uint member = 0; member < members; member++)
        {
            record.Members.Add(new MemberRecord { Id = member, Incarnation = 1000 + member, Endpoint = "127.0.0.1:1" });
        }

        foreach (var (first, second) in outLinks)
        {
            record.Links.Add(new LinkRecord { First = first, Second = second, Condition = LinkCondition.LinkOut });
        }

        var machine = new MemberMachine(Options);
        Receive(machine, new ControlMessage { NewView = new NewView { View = record } });
        Assert.Equal(0, machine.Rank);
        return machine;
    }

    private static List<MemberAction> Receive(MemberMachine machine, ControlMessage message) =>
        Step(machine, new MemberEvent(MemberEventKind.Control, Message: message));

    private static List<MemberAction> Step(MemberMachine machine, MemberEvent happened, TimeSpan? now = null)
    {
        var actions = new List<MemberAction>();
        machine.Step(now ?? Start, happened, actions);
        return actions;
    }
}
