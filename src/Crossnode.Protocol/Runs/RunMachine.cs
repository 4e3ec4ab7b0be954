using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>All decisions of one run's coordinator: who is a member, when a view ends, what the next one says.</summary>
/// <remarks>
/// Pure: no clock, no I/O. This file dispatches and keeps streams; <c>.Changes</c> runs PREPARE; <see cref="NextView"/>
/// computes what follows from the answers. Steady-state collectives never come here.
/// </remarks>
public sealed partial class RunMachine
{
    private readonly RunOptions _options;
    private readonly SortedDictionary<MemberId, MemberSeat> _seats = [];
    private readonly Dictionary<long, MemberId> _streams = [];
    private TimeSpan _startedAt;
    private TimeSpan _lastTick;
    private TimeSpan _nextHeartbeat;
    private bool _hasTicked;

    /// <summary>Makes a coordinator that waits for its first members.</summary>
    public RunMachine(RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.ExpectedMembers, nameof(options));
        _options = options;
    }

    /// <summary>The view in force; null before the first.</summary>
    public View? View { get; private set; }

    /// <summary>Whether PREPARE was sent and NEWVIEW was not.</summary>
    public bool IsPreparing { get; private set; }

    /// <summary>Whether all members have left, or the run failed.</summary>
    public bool HasEnded { get; private set; }

    private bool Has(ProtocolRules rule) => (_options.Rules & rule) != 0;

    /// <summary>Notes that something was heard on a stream.</summary>
    public void Heard(long stream, TimeSpan now)
    {
        if (SeatOf(stream) is { } seat)
        {
            seat.Heard = now;
        }
    }

    /// <summary>Takes one event and appends what must be done.</summary>
    public void Step(TimeSpan now, in RunEvent happened, List<RunAction> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        switch (happened.Kind)
        {
            case RunEventKind.Tick:
                Tick(now, actions);
                break;
            case RunEventKind.StreamOpened:
                Opened(now, happened, actions);
                break;
            case RunEventKind.StreamClosed:
                Closed(now, happened.Stream, actions);
                break;
            case RunEventKind.Message:
                Heard(happened.Stream, now);
                OnMessage(now, happened, actions);
                break;
            default:
                Invariant.Fail($"unknown event {happened.Kind}");
                break;
        }
    }

    private static string Name(MemberId member) => member.ToString();

    private MemberSeat? SeatOf(long stream) =>
        stream != 0 && _streams.TryGetValue(stream, out var member) && _seats.TryGetValue(member, out var seat)
        && seat.Stream == stream
            ? seat
            : null;

    private void Tick(TimeSpan now, List<RunAction> actions)
    {
        ForgiveOwnPause(now);
        if (HasEnded)
        {
            return;
        }

        if (now >= _nextHeartbeat)
        {
            _nextHeartbeat = now + _options.HeartbeatInterval;
            foreach (var seat in _seats.Values)
            {
                Send(seat, new ControlMessage { Heartbeat = new Heartbeat() }, actions);
            }
        }

        if (View is null)
        {
            CheckStart(now, actions);
            return;
        }

        foreach (var seat in _seats.Values)
        {
            if (!IsPreparing && seat.Stream != 0 && IsSilent(seat, now))
            {
                StartChange(now, $"nothing heard from {Name(seat.Id)} for {_options.EvictAfter.TotalSeconds:0.#} s", actions);
            }
        }

        if (IsPreparing)
        {
            if (now >= _prepareAgainAt)
            {
                SendPrepare(now, actions);
            }

            TryClose(now, actions);
        }
    }

    // A machine that was suspended has heard nobody for a while: that says nothing about the members.
    private void ForgiveOwnPause(TimeSpan now)
    {
        var gap = now - _lastTick;
        _lastTick = now;
        if (!_hasTicked)
        {
            _hasTicked = true;
            _startedAt = now;
            return;
        }

        if (gap <= _options.EvictAfter / 3)
        {
            return;
        }

        foreach (var seat in _seats.Values)
        {
            seat.Heard += gap;
            seat.ClosedAt += gap;
        }

        _startedAt += gap;
        _prepareStartedAt += gap;
    }

    private bool IsSilent(MemberSeat seat, TimeSpan now) => now - seat.Heard > _options.EvictAfter;

    private void CheckStart(TimeSpan now, List<RunAction> actions)
    {
        if (now - _startedAt <= _options.StartTimeout)
        {
            return;
        }

        HasEnded = true;
        var missing = Enumerable.Range(0, _options.ExpectedMembers)
            .Select(number => new MemberId((uint)number))
            .Where(member => !_seats.ContainsKey(member));
        var text = $"the run did not start: after {_options.StartTimeout.TotalSeconds:0} s {_seats.Count} of"
            + $" {_options.ExpectedMembers} members had come; missing: {string.Join(", ", missing)}";
        foreach (var seat in _seats.Values)
        {
            Evict(seat.Stream, ViewId.None, text, left: false, actions);
        }

        actions.Add(new RunAction(RunActionKind.Failed, Text: text));
    }

    private void Opened(TimeSpan now, in RunEvent happened, List<RunAction> actions)
    {
        var hello = happened.Message!.Hello;
        var member = happened.Member;
        if (HasEnded)
        {
            Evict(happened.Stream, View?.Id ?? ViewId.None, "the run is over", left: hello.Leaving, actions);
            return;
        }

        if (View is null)
        {
            Admit(now, happened.Stream, member, hello, actions);
            return;
        }

        var known = _seats.TryGetValue(member, out var seat);
        if (known && seat!.Incarnation == hello.Incarnation && !seat.IsRestarted)
        {
            Reattach(now, happened.Stream, seat, hello, actions);
            return;
        }

        var why = hello.View.ToId() == ViewId.None
            ? $"the run has started, and {Name(member)} was not among its first members"
            : $"{Name(member)} is not in {View.Id} any more";
        Evict(happened.Stream, View.Id, why, left: hello.Leaving, actions);
        if (known && seat!.Incarnation != hello.Incarnation)
        {
            seat.IsRestarted = true;
            StartChange(now, $"another process came as {Name(member)}: the first one is gone", actions);
            TryClose(now, actions);
        }
    }

    private void Admit(TimeSpan now, long stream, MemberId member, Hello hello, List<RunAction> actions)
    {
        if (_seats.TryGetValue(member, out var other) && other.Stream != 0 && other.Incarnation != hello.Incarnation)
        {
            Evict(stream, ViewId.None, $"two processes want to be {Name(member)}: give each worker its own number", false, actions);
            return;
        }

        if (member.Value >= _options.ExpectedMembers)
        {
            var range = $"0 to {_options.ExpectedMembers - 1}";
            Evict(stream, ViewId.None, $"{Name(member)} is none of the expected members {range}", left: false, actions);
            return;
        }

        Replace(other, actions);
        var seat = new MemberSeat(member, hello.Incarnation, hello.Endpoint) { Stream = stream, Heard = now };
        _streams[stream] = member;
        _seats[member] = seat;
        if (_seats.Count == _options.ExpectedMembers)
        {
            Announce(now, NextView.First(_seats.Values, new ViewId(1, _options.Nonce)), "all members have come", actions);
        }
    }

    // R8: a member has one stream, a new one voids the old.
    private void Replace(MemberSeat? seat, List<RunAction> actions)
    {
        if (seat is { Stream: not 0 })
        {
            _streams.Remove(seat.Stream);
            actions.Add(new RunAction(RunActionKind.CloseStream, seat.Stream, seat.Id));
            seat.Stream = 0;
        }
    }

    private void Reattach(TimeSpan now, long stream, MemberSeat seat, Hello hello, List<RunAction> actions)
    {
        Replace(seat, actions);
        seat.Stream = stream;
        seat.Heard = now;
        _streams[stream] = seat.Id;
        if (Has(ProtocolRules.R8))
        {
            seat.Answer = null;
        }

        var view = hello.View.ToId();
        if (view != View!.Id)
        {
            if (Has(ProtocolRules.R6))
            {
                Send(seat, new ControlMessage { NewView = new NewView { View = View.Record } }, actions);
            }
        }
        else
        {
            TakeReports(seat, hello.Reports);
            if (hello.Leaving || hello.Frozen || hello.Condemned.Count > 0 || seat.Reports.Count > 0)
            {
                StartChange(now, ReasonOf(seat, hello), actions);
            }
        }

        seat.IsLeaving |= hello.Leaving;
        if (IsPreparing)
        {
            SendPrepareTo(seat, actions);
        }
    }

    private static string ReasonOf(MemberSeat seat, Hello hello) =>
        hello.Leaving ? $"{Name(seat.Id)} leaves"
        : hello.Condemned.Count > 0 ? $"{Name(seat.Id)} gave an operation up"
        : hello.Frozen ? $"{Name(seat.Id)} came back frozen"
        : $"{Name(seat.Id)} reports a broken link";

    private void Closed(TimeSpan now, long stream, List<RunAction> actions)
    {
        if (SeatOf(stream) is not { } seat)
        {
            _streams.Remove(stream);
            return;
        }

        _streams.Remove(stream);
        seat.Stream = 0;
        seat.ClosedAt = now;
        if (View is null)
        {
            _seats.Remove(seat.Id);
            actions.Add(new RunAction(RunActionKind.Log, Member: seat.Id, Text: $"{Name(seat.Id)} went away before the start"));
            return;
        }

        if (!HasEnded)
        {
            StartChange(now, $"the control stream of {Name(seat.Id)} closed", actions);
            TryClose(now, actions);
        }
    }

    private void OnMessage(TimeSpan now, in RunEvent happened, List<RunAction> actions)
    {
        var message = happened.Message!;
        if (SeatOf(happened.Stream) is not { } seat)
        {
            LateAnswer(message);
            return;
        }

        switch (message.BodyCase)
        {
            case ControlMessage.BodyOneofCase.Note:
                actions.Add(new RunAction(RunActionKind.Note, happened.Stream, seat.Id, message));
                break;
            case ControlMessage.BodyOneofCase.Answer when View is not null:
                OnAnswer(now, seat, message.Answer, actions);
                break;
            case ControlMessage.BodyOneofCase.LinkReport when message.LinkReport.View.ToId() == View?.Id:
                TakeReports(seat, [message.LinkReport]);
                StartChange(now, Broken(seat.Id, message.LinkReport), actions);
                TryClose(now, actions);
                break;
            case ControlMessage.BodyOneofCase.ChangeRequest when message.ChangeRequest.View.ToId() == View?.Id:
                StartChange(now, $"{Name(seat.Id)} gave an operation up", actions);
                break;
            case ControlMessage.BodyOneofCase.Leave when View is null:
                Evict(happened.Stream, ViewId.None, "left before the start", left: true, actions);
                Closed(now, happened.Stream, actions);
                break;
            case ControlMessage.BodyOneofCase.Leave:
                seat.IsLeaving = true;
                StartChange(now, $"{Name(seat.Id)} leaves", actions);
                break;
            default:
                break; // Signs of life, requests of a view that is over, what a later minor version adds.
        }
    }

    private static string Broken(MemberId reporter, LinkReport report) =>
        $"the link between {Name(reporter)} and {Name(new MemberId(report.Member))} is broken"
        + $" ({Name(reporter)} says: {report.Reason})";

    private void TakeReports(MemberSeat seat, IEnumerable<LinkReport> reports)
    {
        foreach (var report in reports)
        {
            if (report.View.ToId() == View?.Id)
            {
                seat.Reports[new MemberId(report.Member)] = report;
            }
        }
    }

    private static void Send(MemberSeat seat, ControlMessage message, List<RunAction> actions)
    {
        if (seat.Stream != 0)
        {
            actions.Add(new RunAction(RunActionKind.Send, seat.Stream, seat.Id, message));
        }
    }

    private static void Evict(long stream, ViewId view, string reason, bool left, List<RunAction> actions)
    {
        if (stream != 0)
        {
            var evicted = new Evicted { View = view.ToRecord(), Reason = reason, Left = left };
            actions.Add(new RunAction(RunActionKind.Send, stream, Message: new ControlMessage { Evicted = evicted }));
            actions.Add(new RunAction(RunActionKind.CloseStream, stream));
        }
    }
}
