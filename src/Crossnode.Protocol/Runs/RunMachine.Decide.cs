using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>The next view, made of the answers (R2, R13, R16, R19).</summary>
public sealed partial class RunMachine
{
    private const string AskedToLeave = "it asked to leave";

    private void AnnounceFirst(TimeSpan now, List<RunAction> actions)
    {
        var record = new ViewRecord { Id = _options.ViewIdOf(1).ToRecord(), Predecessor = ViewId.None.ToRecord() };
        record.Members.AddRange(_seats.Values.Select(MemberRecordOf));
        record.NextMember = _nextMember;
        if (Has(ProtocolRules.R19))
        {
            record.Links.AddRange(NextLinks.AllOnProbation([.. _seats.Keys]));
        }

        Propose(now, new Proposal(record, [], [], $"all {_seats.Count} workers are here"), actions);
    }

    // False when too few would go on.
    private bool Decide(TimeSpan now, SortedDictionary<MemberId, string> gone, List<RunAction> actions)
    {
        FindWhoWasLate();
        var leftOut = new SortedDictionary<MemberId, string>();
        var continuing = FindContinuing(now, gone, leftOut);
        if (continuing.Count == 0)
        {
            return false;
        }

        var answers = CountedAnswers(continuing);
        var linkTexts = new List<string>();
        var committed = NextTags.HasCommitted(View!.Record, answers);
        var links = SettleLinks(continuing, committed, linkTexts);
        var newcomers = FindNewcomers(now, continuing);
        var part = FindPart(continuing, newcomers, links);
        if (part.Count(continuing.Contains) < Needed() && continuing.Count >= Needed() && _hasAskedAgain)
        {
            // R20: enough are here, but too few hang together. After a pause every link is tried again.
            links = [.. NextLinks.AllOnProbation(continuing)];
            part = FindPart(continuing, newcomers, links);
        }

        if (part.Count(continuing.Contains) < Needed())
        {
            return false;
        }

        newcomers.RemoveAll(newcomer => !part.Contains(newcomer.Member));
        foreach (var member in continuing.Where(member => !part.Contains(member)))
        {
            leftOut.Add(member, "no working link joins it to the other members");
        }

        var texts = leftOut.Select(entry => OutText(_seats[entry.Key], entry.Value))
            .Concat(newcomers.Select(newcomer => JoinText(newcomer.Member)))
            .Concat(linkTexts)
            .ToList();
        var text = string.Join("; ", texts.Count > 0 ? texts : _causes);
        var record = new ViewRecord
        {
            Id = _options.ViewIdOf(View.Id.Epoch + 1).ToRecord(),
            Predecessor = View.Id.ToRecord(),
        };
        record.Members.AddRange(_seats.Values.Where(seat => part.Contains(seat.Member) && !leftOut.ContainsKey(seat.Member)).Select(MemberRecordOf)
            .Concat(newcomers.Select(newcomer => MemberRecordOf(newcomer, record.Id.Epoch)))
            .OrderBy(member => member.Id));
        record.Links.AddRange(links.Where(link => part.Contains(new(link.First)) && part.Contains(new(link.Second))));
        record.Links.AddRange(LinksOf(newcomers, continuing).Where(link => part.Contains(new(link.First)) && part.Contains(new(link.Second))));
        record.NextMember = _nextMember;
        record.Tags.AddRange(NextTags.Settle(View.Record, answers, text, _options.Rules));
        foreach (var seat in _seats.Values)
        {
            seat.WasForgiven = !committed && (seat.WasForgiven || (seat.IsForgiven && _reports.Concern(seat.Member)));
        }

        Propose(now, new Proposal(record, leftOut, newcomers, text), actions);
        return true;
    }

    private HashSet<MemberId> FindPart(List<MemberId> continuing, List<Applicant> newcomers, List<LinkRecord> links) => NextLinks.LargestPart(
        [.. continuing.Concat(newcomers.Select(newcomer => newcomer.Member)).Order()],
        links.Concat(LinksOf(newcomers, continuing)),
        continuing.Contains,
        member => _seats[member].Stream is not null);

    // R2: only who answered can continue. Everybody else is named with the reason.
    private List<MemberId> FindContinuing(
        TimeSpan now, SortedDictionary<MemberId, string> gone, SortedDictionary<MemberId, string> leftOut)
    {
        var knownDead = Has(ProtocolRules.R2) ? gone : FindGone(now, countTimeouts: false);
        var continuing = new List<MemberId>();
        foreach (var seat in _seats.Values)
        {
            if (seat.Leaving && seat.Answer is not null)
            {
                leftOut.Add(seat.Member, AskedToLeave);
            }
            else if (knownDead.TryGetValue(seat.Member, out var reason))
            {
                leftOut.Add(seat.Member, reason);
            }
            else if (seat.Answer is null && Has(ProtocolRules.R2))
            {
                leftOut.Add(seat.Member, "it did not answer in time");
            }
            else
            {
                continuing.Add(seat.Member);
            }
        }

        return continuing;
    }

    private List<(MemberId Member, Answer Answer)> CountedAnswers(List<MemberId> continuing)
    {
        var answers = new List<(MemberId Member, Answer Answer)>();
        foreach (var seat in _seats.Values)
        {
            if (seat.Answer is { } answer && (Has(ProtocolRules.R2) || continuing.Contains(seat.Member)))
            {
                answers.Add((seat.Member, answer));
            }
        }

        return answers;
    }

    private List<LinkRecord> SettleLinks(List<MemberId> continuing, bool committed, List<string> texts)
    {
        if (!Has(ProtocolRules.R19))
        {
            return [];
        }

        return NextLinks.Settle(
            View!.Record, continuing, _reports, committed, !_onlyLinks, member => _seats[member].IsForgiven, texts);
    }

    private void Announce(TimeSpan now, Proposal proposal, List<RunAction> actions)
    {
        View = new View(proposal.Record);
        _announcedAt = now;
        Phase = RunPhase.Stable;
        _causes.Clear();
        _onlyLinks = true;
        _gatherUntil = null;
        _askAgainAt = null;
        _reports.Clear();
        var members = View.Members.Count == 1 ? "1 member" : $"{View.Members.Count} members";
        actions.Add(new RunAction(RunActionKind.ViewAnnounced, View: View, Text: $"{View.Id} has {members}: {proposal.Why}"));
        foreach (var (member, reason) in proposal.LeftOut)
        {
            Dismiss(_seats[member], reason, actions);
        }

        foreach (var newcomer in proposal.Newcomers)
        {
            Seat(now, newcomer, actions);
        }

        var newView = NewViewMessage();
        foreach (var seat in _seats.Values)
        {
            seat.Answer = null;
            seat.WasLate = false;
            seat.MissedView = false;
            seat.InstalledAt = null;
            seat.AskedAt = null;
            if (seat.Stream is { } stream)
            {
                Send(stream, newView, actions);
            }
        }

        SuspectWhoIsAway(now, actions);
        ProbeAnew(now, actions);
        AdmitWhoIsReady(now, actions);
    }

    // Who answered and then lost its stream is a member, but one under suspicion; and while the record was written some may have
    // asked to leave.
    private void SuspectWhoIsAway(TimeSpan now, List<RunAction> actions)
    {
        foreach (var seat in _seats.Values.ToList())
        {
            if (seat.Stream is null)
            {
                Suspect(now, $"the control stream of {Name(seat.Member)} closed", isLink: false, actions);
            }
            else if (seat.Leaving)
            {
                Suspect(now, $"{Name(seat.Member)} leaves", isLink: false, actions);
            }
        }
    }

    private void Finish(SortedDictionary<MemberId, string> gone, List<RunAction> actions)
    {
        Phase = RunPhase.Finished;
        _endText = "the run has finished: all its members left";
        foreach (var seat in _seats.Values.ToList())
        {
            Dismiss(seat, seat.Leaving ? AskedToLeave : gone[seat.Member], actions);
        }

        RefuseApplicants(_endText, actions);
        StoreEnd(actions);
        actions.Add(new RunAction(RunActionKind.Finished, Text: _endText));
    }

    // One that asked to leave and never answered has not handed in what it committed: it did not leave in order.
    private void Dismiss(Seat seat, string reason, List<RunAction> actions)
    {
        var left = HasLeft(seat);
        var text = OutText(seat, reason);
        if (seat.Stream is { } stream)
        {
            Refuse(stream, text, left, actions);
        }

        _seats.Remove(seat.Member);
        _former[seat.Member] = (text, left, seat.Incarnation);
        actions.Add(new RunAction(RunActionKind.MemberGone, Member: seat.Member, View: View, Text: text));
    }

    private bool HasLeft(Seat seat) => seat.Leaving && (seat.Answer is not null || Phase == RunPhase.Finished);

    private static string OutText(Seat seat, string reason) =>
        reason == AskedToLeave ? $"{Name(seat.Member)} left" : $"{Name(seat.Member)} was evicted: {reason}";

    private static MemberRecord MemberRecordOf(Seat seat) => new()
    {
        Id = seat.Member.Value,
        Incarnation = seat.Incarnation,
        Endpoint = seat.Endpoint,
        Joined = seat.Joined,
    };

    private ControlMessage NewViewMessage() => new() { NewView = new NewView { View = View!.Record } };
}
