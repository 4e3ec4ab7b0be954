using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Google.Protobuf;

namespace Crossnode.Protocol.Runs;

/// <summary>Streams that open and close, and what comes on them.</summary>
public sealed partial class RunMachine
{
    private void Opened(TimeSpan now, long stream, MemberId member, ControlMessage message, List<RunAction> actions)
    {
        var hello = message.Hello;
        if (hello.Observes)
        {
            Answer(stream, actions);
            return;
        }

        if (IsOfHigherTerm(message.Term))
        {
            Depose(
                $"{member} has heard of term {message.Term}, this coordinator has term {_options.Term}: another one has taken the run over,"
                + " or this one lacks the run's record",
                actions);
        }

        if (Phase == RunPhase.Deposed)
        {
            actions.Add(new RunAction(RunActionKind.CloseStream, stream, Text: "another coordinator serves the run"));
            return;
        }

        TakeCharter(hello);
        if (member == MemberId.Unassigned && !HasEnded)
        {
            member = GiveNumber(stream, hello, actions);
            if (Phase == RunPhase.Forming && !_options.GivesFirstNumbers)
            {
                Apply(now, stream, member, hello, actions);
                return;
            }
        }

        switch (Phase)
        {
            case RunPhase.Finished or RunPhase.Failed:
                Refuse(stream, _endText, Phase == RunPhase.Finished && hello.Leaving, actions);
                break;
            case RunPhase.Forming:
                OpenedWhileForming(now, stream, member, hello, actions);
                break;
            default:
                OpenedInView(now, stream, member, hello, actions);
                break;
        }
    }

    private void Answer(long stream, List<RunAction> actions)
    {
        var status = new Status
        {
            Started = View is not null,
            Members = (uint)_seats.Count,
            Expected = (uint)Math.Max(0, _expected),
            Charter = ByteString.CopyFrom(Charter.Span),
            Text = _endText,
        };
        Send(stream, new ControlMessage { Status = status }, actions);
        actions.Add(new RunAction(RunActionKind.CloseStream, stream, Text: "it only asked how the run stands"));
    }

    /// <summary>Takes what the run is about from whoever hosts it; the first word counts.</summary>
    public void TakeCharter(ReadOnlyMemory<byte> charter)
    {
        if (Charter.IsEmpty)
        {
            Charter = charter;
        }
    }

    private void TakeCharter(Hello hello)
    {
        TakeCharter(hello.Charter.Memory);

        if (_expected == 0 && View is null && hello.Expected is > 0 and <= View.MaxMembers)
        {
            _expected = (int)hello.Expected;
        }
    }

    private void OpenedWhileForming(TimeSpan now, long stream, MemberId member, Hello hello, List<RunAction> actions)
    {
        if (!IsKnownNumber(member))
        {
            Refuse(stream, UnknownText(member), left: false, actions);
            return;
        }

        if (hello.View.ToId() != ViewId.None)
        {
            TurnAway(stream, member, hello, actions);
            return;
        }

        if (_seats.TryGetValue(member, out var seat) && seat.Incarnation != hello.Incarnation)
        {
            Refuse(stream, TwoProcessesText(member), left: false, actions);
            return;
        }

        if (hello.Leaving)
        {
            Refuse(stream, "left before the run started", left: true, actions);
            return;
        }

        Void(seat, actions);
        seat = new Seat(member, hello.Incarnation, hello.Endpoint);
        _seats[member] = seat;
        Bind(now, stream, seat);
        Log($"{Name(member)} is here: {_seats.Count} of {_expected}", actions);
        if (_seats.Count == _expected)
        {
            AnnounceFirst(now, actions);
        }
    }

    private void OpenedInView(TimeSpan now, long stream, MemberId member, Hello hello, List<RunAction> actions)
    {
        if (!_seats.TryGetValue(member, out var seat))
        {
            OpenedByStranger(now, stream, member, hello, actions);
            return;
        }

        if (!Has(ProtocolRules.R9))
        {
            seat.Become(hello.Incarnation, hello.Endpoint);
        }

        if (seat.Incarnation != hello.Incarnation)
        {
            OpenedByAnother(now, stream, seat, hello, actions);
            return;
        }

        if (seat.Dead is { } dead)
        {
            Refuse(stream, $"{Name(member)} was evicted: {dead}", left: false, actions);
            return;
        }

        Void(seat, actions);
        Bind(now, stream, seat);
        if (Has(ProtocolRules.R8) && Phase != RunPhase.Storing)
        {
            seat.Answer = null;
        }

        seat.Leaving |= hello.Leaving;
        if (View is not null && Phase != RunPhase.Storing)
        {
            ProbeAnew(now, actions);
        }

        if (View is not null && Place(now, seat, hello, actions))
        {
            ReadHello(now, seat, hello, actions);
        }
    }

    // Either somebody started the same worker number twice, or the member died and was started again (R9).
    private void OpenedByAnother(TimeSpan now, long stream, Seat seat, Hello hello, List<RunAction> actions)
    {
        if (hello.View is not null)
        {
            Refuse(stream, $"{Name(seat.Member)} was evicted: another process has taken its number", left: false, actions);
            return;
        }

        Apply(now, stream, seat.Member, hello, actions);
    }

    private void OpenedByStranger(TimeSpan now, long stream, MemberId member, Hello hello, List<RunAction> actions)
    {
        var isFormer = _former.TryGetValue(member, out var former);
        if (!isFormer && !IsKnownNumber(member))
        {
            Refuse(stream, UnknownText(member), left: false, actions);
        }
        else if (isFormer && (hello.View is not null || former.Incarnation == hello.Incarnation))
        {
            Refuse(stream, former.Text, former.Left && hello.Leaving, actions);
        }
        else if (hello.View is not null)
        {
            Refuse(stream, $"{Name(member)} is at {hello.View.ToId()} but not a member; start it again", left: false, actions);
        }
        else if (hello.Leaving)
        {
            Refuse(stream, "left before it had joined", left: true, actions);
        }
        else
        {
            Apply(now, stream, member, hello, actions);
        }
    }

    // R6, R4: what the member needs to be where the run is. False when that is impossible.
    private bool Place(TimeSpan now, Seat seat, Hello hello, List<RunAction> actions)
    {
        var at = hello.View.ToId();
        var isJoining = at == ViewId.None && (seat.Joined == View!.Id.Epoch || !Has(ProtocolRules.R9));
        if (at != View!.Id && at != View.Predecessor && !isJoining && Has(ProtocolRules.R4))
        {
            seat.Dead = $"it is at {at}, which does not lead to {View.Id}";
            Refuse(seat.Stream!.Value, $"{Name(seat.Member)} was evicted: {seat.Dead}", left: false, actions);
            seat.Stream = null;
            seat.ClosedAt = now;
            Suspect(now, $"{Name(seat.Member)} {seat.Dead[3..]}", isLink: false, actions);
            return false;
        }

        if (Phase == RunPhase.Preparing)
        {
            SendPrepare(now, seat, actions);
        }
        else if (at != View.Id && Has(ProtocolRules.R6))
        {
            Send(seat.Stream!.Value, NewViewMessage(), actions);
        }

        if (_announcedAt is null)
        {
            seat.MissedView |= at != View.Id;
            seat.InstalledAt = at == View.Id ? now - TimeSpan.FromMilliseconds(hello.InstalledMs) : null;
        }

        return true;
    }

    private void ReadHello(TimeSpan now, Seat seat, Hello hello, List<RunAction> actions)
    {
        if (hello.View.ToId() == View!.Id)
        {
            foreach (var report in hello.Reports)
            {
                OnLinkReport(now, seat, report, actions);
            }

            if (hello.Frozen && Has(ProtocolRules.R6) && Phase == RunPhase.Stable)
            {
                StartChange(now, $"{Name(seat.Member)} came back frozen", actions);
            }

            if (hello.Condemned.Count > 0 && Phase == RunPhase.Stable)
            {
                StartChange(now, CondemnedText(seat, hello.Condemned), actions);
            }
        }

        if (hello.Leaving)
        {
            Suspect(now, $"{Name(seat.Member)} leaves", isLink: false, actions);
        }
    }

    private void Bind(TimeSpan now, long stream, Seat seat)
    {
        _streams[stream] = seat;
        seat.Stream = stream;
        seat.Heard = now;
        seat.IsAwaited = false;
    }

    // R8: a member has one stream; a new one voids the old.
    private void Void(Seat? seat, List<RunAction> actions)
    {
        if (seat?.Stream is not { } stream)
        {
            return;
        }

        seat.Stream = null;
        if (!Has(ProtocolRules.R8))
        {
            return;
        }

        _streams.Remove(stream);
        actions.Add(new RunAction(RunActionKind.CloseStream, stream, seat.Member, Text: "a newer stream replaces it"));
    }

    private void Closed(TimeSpan now, long stream, string? text, List<RunAction> actions)
    {
        if (_applicants.TryGetValue(stream, out var applicant))
        {
            if (Has(ProtocolRules.R14))
            {
                _applicants.Remove(stream);
            }

            // R14: it joins on this stream or not at all.
            Log($"{Name(applicant.Member)} is gone again before it had joined{(text is null ? "" : $" ({text})")}", actions);
            return;
        }

        if (!_streams.Remove(stream, out var seat) || (seat.Stream != stream && Has(ProtocolRules.R8)))
        {
            return;
        }

        seat.Stream = null;
        seat.ClosedAt = now;
        seat.CloseText = text ?? "";
        if (Phase == RunPhase.Forming)
        {
            _seats.Remove(seat.Member);
            Log($"{Name(seat.Member)} is gone again before the start: {_seats.Count} of {_expected}", actions);
            return;
        }

        seat.IsAwaited = WasLostInPause(now);
        if (!seat.IsAwaited)
        {
            Suspect(now, $"the control stream of {Name(seat.Member)} closed", isLink: false, actions);
        }

        ReplaceTheDead(now, actions);
    }

    private void OnMessage(TimeSpan now, long stream, Seat seat, ControlMessage message, List<RunAction> actions)
    {
        if (message.BodyCase == ControlMessage.BodyOneofCase.Leave && Phase == RunPhase.Forming)
        {
            _seats.Remove(seat.Member);
            Refuse(stream, "left before the run started", left: true, actions);
            Log($"{Name(seat.Member)} left before the start: {_seats.Count} of {_expected}", actions);
            return;
        }

        if (message.BodyCase == ControlMessage.BodyOneofCase.Note)
        {
            actions.Add(new RunAction(RunActionKind.Note, stream, seat.Member, message));
            return;
        }

        if (message.BodyCase == ControlMessage.BodyOneofCase.Leave)
        {
            seat.Leaving = true;
            Suspect(now, $"{Name(seat.Member)} leaves", isLink: false, actions);
            return;
        }

        if (View is null)
        {
            return;
        }

        switch (message.BodyCase)
        {
            case ControlMessage.BodyOneofCase.Answer:
                OnAnswer(now, seat, message.Answer, actions);
                break;
            case ControlMessage.BodyOneofCase.LinkReport:
                OnLinkReport(now, seat, message.LinkReport, actions);
                break;
            case ControlMessage.BodyOneofCase.ChangeRequest
                when message.ChangeRequest.View.ToId() == View.Id && Phase == RunPhase.Stable:
                StartChange(now, CondemnedText(seat, message.ChangeRequest.Condemned), actions);
                break;
            case ControlMessage.BodyOneofCase.ProbeResult:
                OnCallResult(seat.Member, message.ProbeResult, actions);
                break;
            default:
                break; // Heartbeats, and what a later minor version adds.
        }
    }

    private void OnAnswer(TimeSpan now, Seat seat, Answer answer, List<RunAction> actions)
    {
        var isCurrent = (answer.Round == Round || !Has(ProtocolRules.R8))
            && (answer.View.ToId() == View!.Id || !Has(ProtocolRules.R4));
        if (Phase != RunPhase.Preparing || !isCurrent)
        {
            return;
        }

        seat.Answer = answer;
        seat.WasLate = _announcedAt is { } announced
            && now - TimeSpan.FromMilliseconds(answer.InstalledMs) - announced > _options.Grace;
        seat.Leaving |= answer.Leaving;
        foreach (var report in answer.Reports)
        {
            Note(seat, report);
        }

        TryClose(now, actions);
    }

    private void OnLinkReport(TimeSpan now, Seat seat, LinkReport report, List<RunAction> actions)
    {
        if (Note(seat, report))
        {
            var target = new MemberId(report.Member);
            Suspect(now, $"the link between {seat.Member} and {target} is broken: {report.Reason}", isLink: true, actions);
        }
    }

    private bool Note(Seat seat, LinkReport report)
    {
        var target = new MemberId(report.Member);
        var concerns = report.View.ToId() == View!.Id && target != seat.Member && _seats.ContainsKey(target)
            && !_reports.Has(seat.Member, target);
        if (concerns)
        {
            _reports.Add(seat.Member, report);
        }

        return concerns;
    }

    private string UnknownText(MemberId member) =>
        $"there is no {Name(member)} in this run: its workers are 0 to {_expected - 1}";

    private static string TwoProcessesText(MemberId member) =>
        $"two processes use the same worker number {member.Value}; the first one stays, give this one another number";

    private static string CondemnedText(Seat seat, IReadOnlyCollection<Condemned> condemned) =>
        condemned.FirstOrDefault() is { } first
            ? $"{Name(seat.Member)} gave operation {first.Sequence} of tag {first.Tag} up: {first.Reason}"
            : $"{Name(seat.Member)} asked for a view";
}
