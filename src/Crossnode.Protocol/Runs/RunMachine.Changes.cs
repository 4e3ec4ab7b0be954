using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>PREPARE, its answers, and when it closes (R20).</summary>
public sealed partial class RunMachine
{
    private static readonly TimeSpan WithoutR20 = TimeSpan.FromMilliseconds(300);

    private readonly List<string> _reasons = [];
    private ulong _round;
    private TimeSpan _prepareStartedAt;
    private TimeSpan _prepareAgainAt;
    private bool _onlyLinkReports;

    private void StartChange(TimeSpan now, string reason, List<RunAction> actions)
    {
        var aboutLink = reason.StartsWith("the link", StringComparison.Ordinal);
        if (!_reasons.Contains(reason))
        {
            _reasons.Add(reason);
        }

        if (IsPreparing)
        {
            _onlyLinkReports &= aboutLink;
            return;
        }

        IsPreparing = true;
        _onlyLinkReports = aboutLink;
        _prepareStartedAt = now;
        foreach (var seat in _seats.Values)
        {
            seat.Answer = null;
        }

        actions.Add(new RunAction(RunActionKind.Log, Text: $"{View!.Id} is being changed: {reason}"));
        _round++;
        SendPrepare(now, actions);
    }

    private void SendPrepare(TimeSpan now, List<RunAction> actions)
    {
        _prepareAgainAt = now + _options.PrepareAgain;
        foreach (var seat in _seats.Values)
        {
            var isSuspect = seat.Stream == 0 || IsSilent(seat, now);
            if (seat.Answer is null && (Has(ProtocolRules.R20) || !isSuspect))
            {
                SendPrepareTo(seat, actions);
            }
        }
    }

    private void SendPrepareTo(MemberSeat seat, List<RunAction> actions) =>
        Send(seat, new ControlMessage { Prepare = new Prepare { View = View!.Record, Round = _round } }, actions);

    private void OnAnswer(TimeSpan now, MemberSeat seat, Answer answer, List<RunAction> actions)
    {
        if (!IsPreparing || (Has(ProtocolRules.R8) && answer.Round != _round)
            || (Has(ProtocolRules.R4) && answer.View.ToId() != View!.Id))
        {
            return;
        }

        seat.Answer = answer;
        seat.IsLeaving |= answer.Leaving;
        TakeReports(seat, answer.Reports);
        TryClose(now, actions);
    }

    // Only without R8: an answer from a stream that was voided still counts.
    private void LateAnswer(ControlMessage message)
    {
        if (!Has(ProtocolRules.R8) && message.BodyCase == ControlMessage.BodyOneofCase.Answer && IsPreparing)
        {
            foreach (var seat in _seats.Values)
            {
                seat.Answer ??= message.Answer;
            }
        }
    }

    private bool IsGone(MemberSeat seat, TimeSpan now)
    {
        if (seat.IsRestarted)
        {
            return true;
        }

        if (seat.Stream != 0)
        {
            return IsSilent(seat, now) && now - _prepareStartedAt > _options.Grace;
        }

        return now - seat.ClosedAt > _options.Grace || AllNeighboursReport(seat);
    }

    private bool AllNeighboursReport(MemberSeat seat)
    {
        var view = View!;
        var rank = view.RankOf(seat.Id);
        var neighbours = 0;
        for (var other = 0; other < view.Members.Count; other++)
        {
            if (other == rank || !view.Links.HasLink(rank, other))
            {
                continue;
            }

            var neighbour = _seats[view.Members[other]];
            if (neighbour.IsRestarted || neighbour.Stream == 0)
            {
                continue; // It cannot report either; the grace decides if nobody else can.
            }

            neighbours++;
            if (!neighbour.Reports.ContainsKey(seat.Id))
            {
                return false;
            }
        }

        return neighbours > 0;
    }

    private void TryClose(TimeSpan now, List<RunAction> actions)
    {
        if (!IsPreparing)
        {
            return;
        }

        foreach (var seat in _seats.Values)
        {
            var settled = seat.Answer is not null || IsGone(seat, now);
            if (!settled && (Has(ProtocolRules.R20) || now - _prepareStartedAt < WithoutR20))
            {
                return;
            }
        }

        Close(now, actions);
    }

    private void Close(TimeSpan now, List<RunAction> actions)
    {
        var answered = _seats.Values.Where(seat => seat.Answer is not null).ToList();
        if (answered.Count > 0 && answered.TrueForAll(seat => seat.IsLeaving))
        {
            Finish(actions);
            return;
        }

        var next = NextView.Compute(
            View!, _seats.Values, seat => IsGone(seat, now), _onlyLinkReports, _options.Rules, _options.Nonce);
        if (next.Continuing.Count < Math.Max(1, _options.MinMembers))
        {
            return; // R20: it never closes on too few; PREPARE is repeated.
        }

        foreach (var (seat, why) in next.LeftOut)
        {
            var reason = seat.IsLeaving ? "left" : why ?? WhyGone(seat, now);
            actions.Add(new RunAction(RunActionKind.MemberGone, Member: seat.Id, Text: $"{Name(seat.Id)}: {reason}"));
        }

        var reasons = string.Join("; ", _reasons);
        var leftOut = next.LeftOut.ToList();
        var whys = leftOut.ConvertAll(item => item.Why ?? WhyGone(item.Seat, now));
        Announce(now, next, reasons, actions);
        for (var index = 0; index < leftOut.Count; index++)
        {
            var seat = leftOut[index].Seat;
            Evict(seat.Stream, View!.Id, whys[index], seat.IsLeaving, actions);
            _streams.Remove(seat.Stream);
            seat.Stream = 0;
        }
    }

    private string WhyGone(MemberSeat seat, TimeSpan now) => seat switch
    {
        { IsRestarted: true } => "another process came under its number",
        { Stream: not 0 } when IsSilent(seat, now) =>
            $"nothing heard from it for {(now - seat.Heard).TotalSeconds:0.#} s (deadline {_options.EvictAfter.TotalSeconds:0.#} s)",
        { Stream: 0 } => "its process is gone (control stream closed)",
        _ => "it did not answer PREPARE",
    };

    private void Finish(List<RunAction> actions)
    {
        HasEnded = true;
        IsPreparing = false;
        foreach (var seat in _seats.Values)
        {
            Evict(seat.Stream, View!.Id, "the run is over", left: true, actions);
        }

        _streams.Clear();
        actions.Add(new RunAction(RunActionKind.Finished, Text: "all members have left"));
    }

    private void Announce(TimeSpan now, NextView next, string why, List<RunAction> actions)
    {
        View = new View(next.Record);
        IsPreparing = false;
        _reasons.Clear();
        foreach (var (seat, _) in next.LeftOut)
        {
            _seats.Remove(seat.Id);
        }

        foreach (var seat in _seats.Values)
        {
            seat.StartView();
            Send(seat, new ControlMessage { NewView = new NewView { View = View.Record } }, actions);
        }

        actions.Add(new RunAction(RunActionKind.ViewAnnounced, View: View, Text: why));
        foreach (var seat in _seats.Values)
        {
            if (seat.IsLeaving || seat.Stream == 0)
            {
                var reason = seat.IsLeaving ? $"{Name(seat.Id)} leaves" : $"the control stream of {Name(seat.Id)} is closed";
                StartChange(now, reason, actions);
            }
        }
    }
}
