using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;

namespace Crossnode.Protocol.Tests.Members;

/// <summary>How a member looks for its coordinator, and to whom it listens (R6, R21).</summary>
[Trait("tier", "unit")]
public sealed class MemberStreamTests
{
    private readonly MemberMachine _machine = new(new MemberOptions
    {
        Self = new MemberId(0), Incarnation = 1000, Endpoint = "127.0.0.1:1", Coordinators = ["here:1", "there:2"],
    });

    private TimeSpan _now = TimeSpan.FromSeconds(100);

    [Fact]
    public void Coordinator_that_refuses_is_dialled_for_ever_by_turns_with_pauses_of_at_most_a_second()
    {
        var dials = new List<(int Address, TimeSpan At)>();
        for (var count = 0; count < 20; count++)
        {
            dials.Add((WaitForDial(), _now));
            Step(new MemberEvent(MemberEventKind.ControlDown, Text: "refused"));
        }

        Assert.Equal(Enumerable.Range(0, 20).Select(count => count % 2), dials.Select(dial => dial.Address));
        var pauses = dials.Zip(dials.Skip(1), (first, second) => second.At - first.At).ToList();
        Assert.InRange(pauses[0].TotalSeconds, 0.2, 0.25);
        Assert.All(pauses, pause => Assert.InRange(pause.TotalSeconds, 0.2, 1.05));
        Assert.InRange(pauses[^1].TotalSeconds, 1, 1.05);
    }

    [Fact]
    public void Pauses_grow_with_each_round_of_all_addresses_so_that_a_stream_that_breaks_twice_is_back_soon()
    {
        Assert.Equal(0, WaitForDial());
        Step(new MemberEvent(MemberEventKind.ControlUp));
        Receive(new ControlMessage { Heartbeat = new Heartbeat() });
        var dials = new List<(int Address, double After)>();
        for (var count = 0; count < 6; count++)
        {
            var lost = _now;
            Step(new MemberEvent(MemberEventKind.ControlDown, Text: "reset"));
            dials.Add((WaitForDial(), (_now - lost).TotalSeconds));
        }

        Assert.Equal([0, 1, 0, 1, 0, 1], dials.Select(dial => dial.Address));
        Assert.All(
            dials.Zip([0.2, 0.2, 0.4, 0.4, 0.8, 0.8]), pair => Assert.InRange(pair.First.After, pair.Second, pair.Second + 0.05));
    }

    [Fact]
    public void Stream_that_was_of_use_is_opened_again_where_it_was()
    {
        Assert.Equal(0, WaitForDial());
        Step(new MemberEvent(MemberEventKind.ControlUp));
        Receive(new ControlMessage { Heartbeat = new Heartbeat() });
        Step(new MemberEvent(MemberEventKind.ControlDown));
        Assert.Equal(0, WaitForDial());
        Step(new MemberEvent(MemberEventKind.ControlUp));
        Step(new MemberEvent(MemberEventKind.ControlDown));
        Assert.Equal(0, WaitForDial());
        Step(new MemberEvent(MemberEventKind.ControlUp));
        Step(new MemberEvent(MemberEventKind.ControlDown));
        Assert.Equal(1, WaitForDial());
    }

    [Fact]
    public void Member_of_a_view_listens_to_no_lower_term_and_names_the_highest()
    {
        Install(term: 4);
        Assert.Equal(0, WaitForDial());
        Step(new MemberEvent(MemberEventKind.ControlUp));
        var actions = Receive(new ControlMessage { Prepare = new Prepare { View = _machine.View!.Record, Round = 1 }, Term = 3 });
        Assert.Equal(MemberActionKind.CloseControl, Assert.Single(actions).Kind);
        Assert.False(_machine.IsFrozen);
        Assert.Equal(1, WaitForDial());
        Assert.Equal(4UL, Step(new MemberEvent(MemberEventKind.ControlUp)).Single().Message!.Term);
    }

    [Fact]
    public void Process_without_a_view_forgets_the_term_with_its_stream()
    {
        WaitForDial();
        Step(new MemberEvent(MemberEventKind.ControlUp));
        Receive(new ControlMessage { Heartbeat = new Heartbeat(), Term = 4 });
        Step(new MemberEvent(MemberEventKind.ControlDown));
        WaitForDial();
        Assert.Equal(0UL, Step(new MemberEvent(MemberEventKind.ControlUp)).Single().Message!.Term);
    }

    [Fact]
    public void Wait_names_the_coordinator_how_long_it_is_away_and_who_is_suspected_and_is_told_once()
    {
        Install(term: 1);
        WaitForDial();
        Step(new MemberEvent(MemberEventKind.ControlDown, Text: "connection refused"));
        Assert.Null(_machine.WaitText(_now));
        Step(new MemberEvent(MemberEventKind.LinkDown, 1, Text: "reset"));
        var notices = new List<string>();
        for (var until = _now + TimeSpan.FromSeconds(8); _now < until;)
        {
            notices.AddRange(Tick().Where(action => action.Kind == MemberActionKind.Notice).Select(action => action.Text!));
        }

        var notice = Assert.Single(notices);
        Assert.StartsWith("waiting for the coordinator here:1 or there:2, away for 3", notice, StringComparison.Ordinal);
        Assert.Contains("connection refused", notice, StringComparison.Ordinal);
        Assert.EndsWith("member 1 is suspected (reset)", notice, StringComparison.Ordinal);
    }

    [Fact]
    public void Member_that_is_asked_sends_what_it_has_installed()
    {
        Install(term: 1);
        var actions = Receive(new ControlMessage { Recall = new Recall() });
        Assert.Equal(_machine.View!.Record, Assert.Single(actions).Message!.Recalled.View);
    }

    // The process missed the view that its calls were meant for: their numbers mean other operations by now.
    [Fact]
    public void Process_left_out_before_its_first_view_ends_if_it_has_called_anything()
    {
        _machine.Submit(0, 1, []);
        var record = RecordOf();
        record.Id = new ViewIdRecord { Epoch = 5, Nonce = 5 };
        record.Members[0].Joined = 5;
        Assert.Equal(MemberActionKind.End, Assert.Single(Receive(new ControlMessage { NewView = new NewView { View = record } })).Kind);
        Assert.True(_machine.HasEnded);
    }

    private static ViewRecord RecordOf()
    {
        var record = new ViewRecord { Id = new ViewIdRecord { Epoch = 1, Nonce = 9 } };
        record.Members.Add(new MemberRecord { Id = 0, Incarnation = 1000, Endpoint = "127.0.0.1:1", Joined = 1 });
        record.Members.Add(new MemberRecord { Id = 1, Incarnation = 1001, Endpoint = "127.0.0.1:2", Joined = 1 });
        return record;
    }

    private void Install(ulong term) => Receive(new ControlMessage { NewView = new NewView { View = RecordOf() }, Term = term });

    private int WaitForDial()
    {
        for (var until = _now + TimeSpan.FromSeconds(5); _now < until;)
        {
            if (Tick().Find(static action => action.Kind == MemberActionKind.ConnectControl) is { Kind: MemberActionKind.ConnectControl } dial)
            {
                return dial.Rank;
            }
        }

        Assert.Fail("nobody was dialled");
        return -1;
    }

    private List<MemberAction> Tick()
    {
        _now += TimeSpan.FromMilliseconds(50);
        return Step(new MemberEvent(MemberEventKind.Tick));
    }

    private List<MemberAction> Receive(ControlMessage message) => Step(new MemberEvent(MemberEventKind.Control, Message: message));

    private List<MemberAction> Step(MemberEvent happened)
    {
        var actions = new List<MemberAction>();
        _machine.Step(_now, happened, actions);
        return actions;
    }
}
