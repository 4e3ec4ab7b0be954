using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;

namespace Crossnode.Protocol.Tests.Runs;

/// <summary>A record made again from what members hold (R11).</summary>
[Trait("tier", "unit")]
public sealed class RunReconstructionTests
{
    private readonly RunReconstruction _machine = new(new RunOptions { ExpectedMembers = 0, Nonce = 1 });
    private readonly List<RunAction> _actions = [];
    private readonly ViewRecord _first = ViewOf(1, 11, 0, 1, 2);
    private TimeSpan _now = TimeSpan.FromSeconds(100);
    private long _stream;

    [Fact]
    public void View_is_taken_up_when_all_its_members_have_come()
    {
        Come(0, _first, term: 4);
        Come(1, _first, term: 7);
        Assert.Null(Record);
        Come(2, _first, term: 4);
        Assert.Equal(_first, Record!.View);
        Assert.Equal(8UL, Record.Term);
    }

    [Fact]
    public void Member_of_the_view_before_counts_and_the_newest_view_wins()
    {
        var second = ViewOf(2, 22, 0, 1);
        Come(0, _first);
        Come(2, _first);
        Come(1, second);
        Assert.Equal(second, Record!.View);
    }

    // Two of three agree; the third may be alone in a view of its own, in which it has committed.
    [Fact]
    public void Majority_is_not_enough_until_the_rest_is_declared_dead()
    {
        Come(0, _first);
        Come(1, _first);
        Wait(new RunOptions { ExpectedMembers = 1, Nonce = 1 }.ReattachFor);
        Assert.Null(Record);
        var text = _actions.Last(action => action.Kind == RunActionKind.Trouble).Text!;
        Assert.Contains("worker 2 at host:2 did not come", text, StringComparison.Ordinal);
        Step(new RunEvent(RunEventKind.DeclaredDead, Member: new MemberId(2)));
        Assert.Equal(_first, Record!.View);
    }

    [Fact]
    public void Process_that_was_started_again_does_not_stand_for_the_one_before()
    {
        Come(0, _first);
        Come(1, _first);
        Step(new RunEvent(
            RunEventKind.StreamOpened, ++_stream, new MemberId(2), new ControlMessage { Hello = new Hello { Incarnation = 999 } }));
        Assert.Null(Record);
    }

    [Fact]
    public void Member_that_went_again_has_to_come_again()
    {
        Come(0, _first);
        Step(new RunEvent(RunEventKind.StreamClosed, _stream, new MemberId(0)));
        Come(1, _first);
        Come(2, _first);
        Assert.Null(Record);
        Come(0, _first);
        Assert.NotNull(Record);
    }

    [Fact]
    public void Two_views_of_one_epoch_are_for_people_to_settle()
    {
        Come(0, _first);
        Come(1, _first);
        Come(2, ViewOf(1, 99, 2));
        Wait(new RunOptions { ExpectedMembers = 1, Nonce = 1 }.ReattachFor);
        Assert.Null(Record);
        Assert.Contains("two coordinators", _actions.Last(action => action.Kind == RunActionKind.Trouble).Text, StringComparison.Ordinal);
        Step(new RunEvent(RunEventKind.StreamClosed, _stream));
        Step(new RunEvent(RunEventKind.DeclaredDead, Member: new MemberId(2)));
        Assert.Equal(_first, Record!.View);
    }

    private RunRecord? Record => _actions.Find(action => action.Kind == RunActionKind.Rebuilt).Record;

    private static ViewRecord ViewOf(long epoch, ulong nonce, params uint[] members)
    {
        var record = new ViewRecord { Id = new ViewIdRecord { Epoch = epoch, Nonce = nonce } };
        record.Members.AddRange(members.Select(member => new MemberRecord
        {
            Id = member, Incarnation = RunBench.IncarnationOf(member), Endpoint = $"host:{member}", Joined = 1,
        }));
        return record;
    }

    private void Come(uint member, ViewRecord view, ulong term = 0)
    {
        var hello = new Hello { Incarnation = RunBench.IncarnationOf(member), View = view.Id };
        Step(new RunEvent(
            RunEventKind.StreamOpened, ++_stream, new MemberId(member), new ControlMessage { Hello = hello, Term = term }));
        Step(new RunEvent(
            RunEventKind.Message, _stream, Message: new ControlMessage { Recalled = new Recalled { View = view, Expected = 3 } }));
    }

    private void Wait(TimeSpan time)
    {
        _now += time;
        Step(new RunEvent(RunEventKind.Tick));
    }

    private void Step(RunEvent happened) => _machine.Step(_now, happened, _actions);
}
