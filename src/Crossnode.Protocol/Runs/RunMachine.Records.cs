using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;
using Google.Protobuf;

namespace Crossnode.Protocol.Runs;

/// <summary>Records: stored before a view is announced (R10), gone on from after a restart (R14), fenced by terms (R21).</summary>
public sealed partial class RunMachine
{
    private readonly HashSet<MemberId> _turnedAway = [];
    private readonly bool _isRestarted;
    private Proposal? _proposal;
    private TimeSpan? _reattachUntil;
    private TimeSpan? _wokeAt;
    private TimeSpan _checkStoreAt;
    private TimeSpan? _storeAgainAt;
    private TimeSpan _storingSince;

    /// <summary>Makes the coordinator that goes on with a run from its record.</summary>
    /// <param name="options">Its term must be the one that was claimed in the store.</param>
    /// <param name="record">What the coordinator before stored; null when nobody has joined yet.</param>
    /// <exception cref="Core.Errors.ProtocolException">The view in the record is none.</exception>
    public RunMachine(RunOptions options, RunRecord? record)
        : this(options)
    {
        if (record is null)
        {
            return;
        }

        _expected = record.Expected > 0 ? (int)record.Expected : _expected;
        Charter = record.Charter.IsEmpty ? Charter : record.Charter.Memory;
        View = record.View is null ? null : new View(record.View);
        if (record.End.Length > 0)
        {
            Phase = record.Finished ? RunPhase.Finished : RunPhase.Failed;
            _endText = record.End;
        }
        else if (View is not null)
        {
            Phase = RunPhase.Stable;
            _isRestarted = true;
            TakeSeats(record);
        }
    }

    /// <summary>The term that this coordinator has claimed; 0 when it keeps no record.</summary>
    public ulong Term => _options.Term;

    /// <summary>Whether every member of the view has a control stream.</summary>
    public bool IsWhole => _seats.Values.All(static seat => seat.Stream is not null);

    private bool IsDurable => _options.Term > 0;

    private string Returned => _wokeAt is null ? "was started again" : "had stood still";

    /// <summary>The record of a view, as this coordinator stores it.</summary>
    internal RunRecord RecordOf(ViewRecord? view, IEnumerable<MemberRecord> left)
    {
        var record = new RunRecord
        {
            Term = _options.Term, View = view, Expected = (uint)Math.Max(0, _expected), Charter = ByteString.CopyFrom(Charter.Span),
        };
        record.Left.AddRange(left);
        return record;
    }

    private void TakeSeats(RunRecord record)
    {
        _nextMember = Math.Max(_nextMember, record.View.NextMember);
        foreach (var member in record.View.Members)
        {
            var id = new MemberId(member.Id);
            _seats.Add(id, new Seat(id, member.Incarnation, member.Endpoint) { Joined = member.Joined, IsAwaited = true });
        }

        foreach (var member in record.Left)
        {
            var id = new MemberId(member.Id);
            _former[id] = ($"{Name(id)} left", true, member.Incarnation);
        }
    }

    private void AwaitMembers(TimeSpan now)
    {
        if (!_isRestarted || _reattachUntil is not null)
        {
            return;
        }

        _reattachUntil = now + (Has(ProtocolRules.R14) ? _options.ReattachFor : _options.Grace);
        foreach (var seat in _seats.Values)
        {
            seat.ClosedAt = now;
        }
    }

    // To members that dialled in vain a coordinator that stood still was as good as dead, and may be the last of those that they try.
    private void AwaitMembersAgain(TimeSpan now)
    {
        if (!Has(ProtocolRules.R14))
        {
            return;
        }

        _wokeAt = now;
        _reattachUntil = now + _options.ReattachFor;
        foreach (var seat in _seats.Values)
        {
            seat.IsAwaited |= seat.Stream is null;
        }
    }

    // Its stream was lost while the coordinator stood still, or for that reason, and only now it reads so.
    private bool WasLostInPause(TimeSpan now) => _wokeAt is { } woke && now - woke < _options.Grace;

    // R14: members need time to notice that the coordinator is gone, and to dial again.
    private bool IsAwaited(Seat seat, TimeSpan now) => seat.IsAwaited && now < _reattachUntil;

    private void CheckReattached(TimeSpan now, List<RunAction> actions)
    {
        foreach (var seat in _seats.Values)
        {
            if (seat.IsAwaited && !IsAwaited(seat, now) && seat.Stream is null && Phase == RunPhase.Stable)
            {
                Suspect(now, $"{Name(seat.Member)} did not come back after the coordinator {Returned}", isLink: false, actions);
            }
        }
    }

    private void Bury(TimeSpan now, MemberId member, List<RunAction> actions)
    {
        if (_seats.TryGetValue(member, out var seat) && seat.Stream is null && seat.Dead is null)
        {
            seat.Dead = "it was declared dead";
            Suspect(now, $"{Name(member)} was declared dead", isLink: false, actions);
        }
    }

    // When the view was announced, only the coordinator before this one knew: whoever had it first stands for that.
    private void FindWhoWasLate()
    {
        if (_announcedAt is not null)
        {
            return;
        }

        var first = _seats.Values.Min(static seat => seat.InstalledAt);
        foreach (var seat in _seats.Values)
        {
            seat.WasLate = seat.MissedView || seat.InstalledAt - first > _options.Grace;
        }
    }

    // R10: not a byte of a view goes out before its record is durable.
    private void Propose(TimeSpan now, Proposal proposal, List<RunAction> actions)
    {
        if (!IsDurable)
        {
            Announce(now, proposal, actions);
            return;
        }

        var left = proposal.LeftOut.Keys.Select(member => _seats[member]).Where(HasLeft).Select(MemberRecordOf);
        proposal = proposal with { Stored = RecordOf(proposal.Record, left) };
        if (!Has(ProtocolRules.R10))
        {
            Announce(now, proposal, actions);
            Store(proposal.Stored, actions);
            return;
        }

        Phase = RunPhase.Storing;
        _proposal = proposal;
        _backOff = _options.PrepareAgain;
        _storeAgainAt = null;
        _storingSince = now;
        Store(proposal.Stored, actions);
    }

    private static void Store(RunRecord record, List<RunAction> actions) =>
        actions.Add(new RunAction(RunActionKind.Store, Record: record));

    private void OnStored(TimeSpan now, List<RunAction> actions)
    {
        if (Phase == RunPhase.Storing && _storeAgainAt is null && _proposal is { } proposal)
        {
            _proposal = null;
            Announce(now, proposal, actions);
        }
    }

    // Whether it was written or not: the same record again, and nothing of one's own is announced before.
    private void OnStoreFailed(TimeSpan now, string text, List<RunAction> actions)
    {
        if (Phase != RunPhase.Storing)
        {
            return;
        }

        _storeAgainAt = now + _backOff;
        actions.Add(new RunAction(
            RunActionKind.Trouble,
            Text: $"view {_proposal!.Record.Id.Epoch} cannot be announced, because its record cannot be stored: {text}."
                + $" Its members wait; trying again in {Seconds(_backOff)}"));
        _backOff = _backOff * 2 < _options.EvictAfter ? _backOff * 2 : _options.EvictAfter;
    }

    private void StoreAgain(TimeSpan now, List<RunAction> actions)
    {
        if (_storeAgainAt <= now)
        {
            _storeAgainAt = null;
            _storingSince = now;
            Store(_proposal!.Stored!, actions);
        }
        else if (_storeAgainAt is null && now - _storingSince > _options.EvictAfter)
        {
            actions.Add(new RunAction(
                RunActionKind.Trouble,
                Text: $"the record of view {_proposal!.Record.Id.Epoch} has not been stored for {Seconds(now - _storingSince)}; its members wait"));
            _storingSince = now;
        }
    }

    // For whoever starts a coordinator of this run again. Nobody waits for it, and nothing follows from it.
    private void StoreEnd(List<RunAction> actions)
    {
        if (IsDurable && Has(ProtocolRules.R15))
        {
            var record = RecordOf(View?.Record, []);
            record.End = _endText;
            record.Finished = Phase == RunPhase.Finished;
            Store(record, actions);
        }
    }

    private void CheckStore(TimeSpan now, List<RunAction> actions)
    {
        if (IsDurable && Has(ProtocolRules.R21) && now >= _checkStoreAt)
        {
            _checkStoreAt = now + (_options.Grace / 2);
            actions.Add(new RunAction(RunActionKind.CheckStore));
        }
    }

    private bool IsOfHigherTerm(ulong term) => IsDurable && Has(ProtocolRules.R21) && term > _options.Term && !HasEnded;

    private void OnStoreNewer(ulong term, List<RunAction> actions)
    {
        if (IsOfHigherTerm(term))
        {
            Depose($"another coordinator has taken the run over with term {term}; this one had term {_options.Term}", actions);
        }
    }

    // R21: nobody is told anything, so that members look for the other one.
    private void Depose(string text, List<RunAction> actions)
    {
        Phase = RunPhase.Deposed;
        _proposal = null;
        _endText = text;
        foreach (var stream in _streams.Keys.Concat(_applicants.Keys))
        {
            actions.Add(new RunAction(RunActionKind.CloseStream, stream, Text: "another coordinator serves the run"));
        }

        _streams.Clear();
        _applicants.Clear();
        _callChecks.Clear();
        _seats.Clear();
        actions.Add(new RunAction(RunActionKind.Deposed, Text: text));
    }

    // Its run may be well: a coordinator that keeps records does not end it because it lacks this one.
    private void TurnAway(long stream, MemberId member, Hello hello, List<RunAction> actions)
    {
        var text = $"{Name(member)} is at {hello.View.ToId()}, but this coordinator has no record of that view;";
        if (!IsDurable)
        {
            Refuse(stream, $"{text} start the run again", left: false, actions);
            return;
        }

        if (_turnedAway.Add(member))
        {
            actions.Add(new RunAction(
                RunActionKind.Trouble,
                Member: member,
                Text: $"{text} point it to the file that holds it, or let it make the record again from its members"));
        }

        actions.Add(new RunAction(RunActionKind.CloseStream, stream, member, Text: "this coordinator has no record of the run"));
    }

    /// <summary>The next view, decided and not announced yet.</summary>
    private sealed record Proposal(
        ViewRecord Record, SortedDictionary<MemberId, string> LeftOut, IReadOnlyList<Applicant> Newcomers, string Why)
    {
        public RunRecord? Stored { get; init; }
    }
}
