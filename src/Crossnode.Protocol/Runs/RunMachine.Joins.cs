using Crossnode.Core;
using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Runs;

/// <summary>Processes that join a run that has started: numbers, probes, admission (R9, R14, R19).</summary>
public sealed partial class RunMachine
{
    private readonly SortedDictionary<long, Applicant> _applicants = [];
    private readonly List<CallCheck> _callChecks = [];
    private uint _nextMember;

    private static string JoinText(MemberId member) => $"{Name(member)} joined";

    private static MemberRecord MemberRecordOf(Applicant newcomer, long joined) => new()
    {
        Id = newcomer.Member.Value,
        Incarnation = newcomer.Incarnation,
        Endpoint = newcomer.Endpoint,
        Joined = joined,
    };

    // A process whose NEWVIEW was lost with its stream has a number already.
    private MemberId GiveNumber(long stream, Hello hello, List<RunAction> actions)
    {
        var seat = _seats.Values.FirstOrDefault(seat => seat.Incarnation == hello.Incarnation);
        var applicant = _applicants.Values.FirstOrDefault(applicant => applicant.Incarnation == hello.Incarnation);
        var admitted = _proposal?.Newcomers.FirstOrDefault(newcomer => newcomer.Incarnation == hello.Incarnation);
        var member = seat?.Member ?? applicant?.Member ?? admitted?.Member ?? NextNumber();
        Send(stream, new ControlMessage { Welcome = new Welcome { Member = member.Value } }, actions);
        return member;
    }

    private MemberId NextNumber()
    {
        while (_seats.ContainsKey(new MemberId(_nextMember)))
        {
            _nextMember++;
        }

        return new MemberId(_nextMember++);
    }

    private bool IsKnownNumber(MemberId member) =>
        member.Value < (uint)_expected || member.Value < _nextMember;

    private void Apply(TimeSpan now, long stream, MemberId member, Hello hello, List<RunAction> actions)
    {
        if (_applicants.Values.FirstOrDefault(other => other.Member == member) is { } other)
        {
            if (other.Incarnation != hello.Incarnation)
            {
                Refuse(stream, TwoProcessesText(member), left: false, actions);
                return;
            }

            _applicants.Remove(other.Stream);
            actions.Add(new RunAction(RunActionKind.CloseStream, other.Stream, member, Text: "a newer stream replaces it"));
        }

        var applicant = new Applicant(member, hello.Incarnation, hello.Endpoint, stream)
        {
            Heard = now, Since = now, Waits = hello.Waits,
        };
        _applicants.Add(stream, applicant);
        Log($"{Name(member)} wants to join", actions);
        ReplaceTheDead(now, actions);
        if (View is not null && applicant.Dials.Count == 0 && SeatOfOther(applicant) is not { Dead: null })
        {
            BeginProbes(now, applicant, actions);
        }
    }

    private Seat? SeatOfOther(Applicant applicant) =>
        _seats.TryGetValue(applicant.Member, out var seat) && seat.Incarnation != applicant.Incarnation ? seat : null;

    // R9: a member without a stream whose number another process claims was started again. While it has a stream, either somebody
    // started the same number twice, or it is dead and its stream does not know: a sign of life tells.
    private void ReplaceTheDead(TimeSpan now, List<RunAction> actions)
    {
        foreach (var applicant in _applicants.Values.ToList())
        {
            if (SeatOfOther(applicant) is not { Dead: null } seat)
            {
                continue;
            }

            if (seat.Stream is null && IsAwaited(seat, now))
            {
                continue; // Nobody has a stream yet: that says nothing.
            }

            if (seat.Stream is null)
            {
                seat.Dead = "its process was started again";
                BeginProbes(now, applicant, actions);
                Suspect(now, $"{Name(seat.Member)} was started again", isLink: false, actions);
            }
            else if (seat.Heard - applicant.Since > 2 * _options.HeartbeatInterval)
            {
                Refuse(applicant.Stream, TwoProcessesText(seat.Member), left: false, actions);
            }
        }
    }

    private void BeginProbes(TimeSpan now, Applicant applicant, List<RunAction> actions)
    {
        Invite(applicant, actions);
        applicant.Dials.Clear();
        applicant.Until = now + _options.ProbeFor;
        var check = new CallCheck(applicant, applicant.Until);
        var call = new ControlMessage
        {
            Probe = new Probe { Member = applicant.Member.Value, Incarnation = applicant.Incarnation, Endpoint = applicant.Endpoint },
        };
        foreach (var seat in _seats.Values)
        {
            if (seat.Dead is not null)
            {
                continue;
            }

            applicant.Dials.Expect(seat.Member, seat.Incarnation, seat.Endpoint);
            var dial = new Probe { Member = seat.Member.Value, Incarnation = seat.Incarnation, Endpoint = seat.Endpoint };
            Send(applicant.Stream, new ControlMessage { Probe = dial }, actions);
            if (seat.Stream is { } stream)
            {
                check.Calls.Expect(seat.Member, seat.Incarnation, seat.Endpoint);
                Send(stream, call, actions);
            }
        }

        if (!_callChecks.Exists(known => known.Stream == applicant.Stream))
        {
            _callChecks.Add(check);
        }
    }

    // It prepares itself with what the members give, and must know who they are.
    private void Invite(Applicant applicant, List<RunAction> actions)
    {
        if (applicant.Waits)
        {
            var welcome = new Welcome { Member = applicant.Member.Value, Started = true, Members = { View!.Record.Members } };
            Send(applicant.Stream, new ControlMessage { Welcome = welcome }, actions);
        }
    }

    private void OnMessage(TimeSpan now, Applicant applicant, ControlMessage message, List<RunAction> actions)
    {
        switch (message.BodyCase)
        {
            case ControlMessage.BodyOneofCase.ProbeResult:
                var result = message.ProbeResult;
                if (applicant.Dials.Knows(new MemberId(result.Member), result.Incarnation))
                {
                    applicant.Dials.Note(new MemberId(result.Member), result.Reached, result.Reason);
                    AdmitWhoIsReady(now, actions);
                }

                break;
            case ControlMessage.BodyOneofCase.Ready:
                applicant.Waits = false;
                AdmitWhoIsReady(now, actions);
                break;
            case ControlMessage.BodyOneofCase.Leave:
                Refuse(applicant.Stream, "left before it had joined", left: true, actions);
                break;
            case ControlMessage.BodyOneofCase.Note:
                actions.Add(new RunAction(RunActionKind.Note, applicant.Stream, applicant.Member, message));
                break;
            default:
                break;
        }
    }

    private static bool IsProbed(Applicant applicant, TimeSpan now) => applicant.Dials.IsComplete || now >= applicant.Until;

    private bool IsReady(Applicant applicant, TimeSpan now) =>
        !applicant.Waits && IsProbed(applicant, now)
        && _seats.Values.Any(seat => seat.Dead is null && applicant.Dials.HasReached(seat.Member, seat.Incarnation));

    private bool KnowsAnybody(Applicant applicant) =>
        _seats.Values.Any(seat => applicant.Dials.Knows(seat.Member, seat.Incarnation));

    // A planned change: nobody is suspected, so nothing is gathered. A suspicion that is being gathered takes newcomers along.
    private void AdmitWhoIsReady(TimeSpan now, List<RunAction> actions)
    {
        // While nobody at all is here, dials in vain say nothing about ports.
        var isAnybodyHere = _seats.Values.Any(static seat => seat.Stream is not null);
        foreach (var applicant in _applicants.Values.ToList())
        {
            if (!isAnybodyHere && IsProbed(applicant, now) && !IsReady(applicant, now))
            {
                applicant.Dials.Clear();
            }
            else if (!applicant.Waits && KnowsAnybody(applicant) && IsProbed(applicant, now) && !IsReady(applicant, now))
            {
                var text = $"{Name(applicant.Member)} cannot join, because none of its connections to the members opened"
                    + $" ({applicant.Dials.Failures()}); open those ports to it";
                Refuse(applicant.Stream, text, left: false, actions);
                Log(text, actions);
            }
        }

        if (Phase == RunPhase.Stable && _gatherUntil is null
            && _applicants.Values.FirstOrDefault(applicant => IsReady(applicant, now)) is { } ready)
        {
            StartChange(now, $"{Name(ready.Member)} joins", actions);
        }
    }

    private List<Applicant> FindNewcomers(TimeSpan now, List<MemberId> continuing) =>
    [
        .. _applicants.Values
            .Where(applicant => IsReady(applicant, now) && continuing.Exists(member => HasReached(applicant, member)))
            .OrderBy(applicant => applicant.Member),
    ];

    private bool HasReached(Applicant applicant, MemberId member) =>
        applicant.Dials.HasReached(member, _seats[member].Incarnation);

    // R19: on probation where a test frame came back or nobody has tried, out where it was tried in vain.
    private IEnumerable<LinkRecord> LinksOf(List<Applicant> newcomers, List<MemberId> continuing)
    {
        if (!Has(ProtocolRules.R19))
        {
            yield break;
        }

        for (var index = 0; index < newcomers.Count; index++)
        {
            var newcomer = newcomers[index];
            foreach (var member in continuing)
            {
                var isOut = newcomer.Dials.Knows(member, _seats[member].Incarnation) && !HasReached(newcomer, member);
                yield return LinkOf(newcomer.Member, member, isOut ? LinkCondition.LinkOut : LinkCondition.LinkProbation);
            }

            for (var other = index + 1; other < newcomers.Count; other++)
            {
                yield return LinkOf(newcomer.Member, newcomers[other].Member, LinkCondition.LinkProbation);
            }
        }
    }

    private static LinkRecord LinkOf(MemberId a, MemberId b, LinkCondition condition) => new()
    {
        First = Math.Min(a.Value, b.Value),
        Second = Math.Max(a.Value, b.Value),
        Condition = condition,
    };

    // While the record was written it may have lost its stream, or have come again on another.
    private void Seat(TimeSpan now, Applicant newcomer, List<RunAction> actions)
    {
        var seat = new Seat(newcomer.Member, newcomer.Incarnation, newcomer.Endpoint) { Joined = View!.Id.Epoch, ClosedAt = now };
        _seats.Add(newcomer.Member, seat);
        var applicant = _applicants.Values.FirstOrDefault(
            applicant => applicant.Member == newcomer.Member && applicant.Incarnation == newcomer.Incarnation);
        if (applicant is not null)
        {
            _applicants.Remove(applicant.Stream);
            Bind(applicant.Heard, applicant.Stream, seat);
        }

        actions.Add(new RunAction(RunActionKind.MemberJoined, newcomer.Stream, newcomer.Member, View: View, Text: JoinText(newcomer.Member)));
    }

    // Who waited for the first view, and who has reached nobody that is still there.
    private void ProbeAnew(TimeSpan now, List<RunAction> actions)
    {
        foreach (var applicant in _applicants.Values.ToList())
        {
            if (!KnowsAnybody(applicant) && SeatOfOther(applicant) is not { Dead: null })
            {
                BeginProbes(now, applicant, actions);
            }
            else if (KnowsAnybody(applicant))
            {
                Invite(applicant, actions);
            }
        }
    }

    private void CheckApplicants(TimeSpan now, List<RunAction> actions)
    {
        foreach (var applicant in _applicants.Values.ToList())
        {
            if (now - applicant.Heard > _options.EvictAfter)
            {
                Refuse(applicant.Stream, $"nothing was heard from it for {Seconds(now - applicant.Heard)}", left: false, actions);
            }
        }

        ReplaceTheDead(now, actions);
        AdmitWhoIsReady(now, actions);
        foreach (var check in _callChecks.ToList())
        {
            TellIfUncallable(now, check, actions);
        }
    }

    private void OnCallResult(MemberId caller, ProbeResult result, List<RunAction> actions)
    {
        var check = _callChecks.Find(
            check => check.Member.Value == result.Member && check.Incarnation == result.Incarnation);
        if (check is not null)
        {
            check.Calls.Note(caller, result.Reached, result.Reason);
            TellIfUncallable(TimeSpan.MinValue, check, actions);
        }
    }

    private void TellIfUncallable(TimeSpan now, CallCheck check, List<RunAction> actions)
    {
        var isHere = _applicants.ContainsKey(check.Stream) || _streams.ContainsKey(check.Stream);
        if (isHere && !check.Calls.AnyReached && !check.Calls.IsComplete && now < check.Until)
        {
            return;
        }

        _callChecks.Remove(check);
        if (!isHere || check.Calls.AnyReached || check.Calls.Count == 0)
        {
            return;
        }

        var text = $"{Name(check.Member)} can be called by no other member at {check.Endpoint} ({check.Calls.Callers()});"
            + " it goes on with the connections that it opens itself, but others that join later may not reach it:"
            + " open that port, or advertise an address that can be reached";
        Send(check.Stream, new ControlMessage { Notice = new Notice { Text = text } }, actions);
        actions.Add(new RunAction(RunActionKind.Notice, check.Stream, check.Member, Text: text));
    }

    private void ForgiveApplicants(TimeSpan gap, TimeSpan now)
    {
        foreach (var applicant in _applicants.Values)
        {
            applicant.Heard = applicant.Heard + gap < now ? applicant.Heard + gap : now;
            applicant.Until += gap;
            applicant.Since += gap;
        }

        foreach (var check in _callChecks)
        {
            check.Until += gap;
        }
    }

    private void RefuseApplicants(string text, List<RunAction> actions)
    {
        foreach (var stream in _applicants.Keys.ToList())
        {
            Refuse(stream, text, left: false, actions);
        }
    }
}
