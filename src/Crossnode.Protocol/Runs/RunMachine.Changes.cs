using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>From a suspicion to the last answer (R8, R20).</summary>
public sealed partial class RunMachine
{
    // Without R20 PREPARE closes after a fixed time with whoever answered by then.
    private static readonly TimeSpan FixedDeadline = TimeSpan.FromMilliseconds(300);

    private readonly List<string> _causes = [];
    private bool _onlyLinks = true;
    private TimeSpan? _gatherUntil;
    private TimeSpan? _announcedAt;
    private TimeSpan _preparedAt;
    private TimeSpan _askedAllAt;
    private bool _hasAskedAgain;
    private TimeSpan? _askAgainAt;
    private TimeSpan _backOff;

    private void Suspect(TimeSpan now, string cause, bool isLink, List<RunAction> actions)
    {
        if (Phase == RunPhase.Stable)
        {
            AddCause(cause, isLink);
            _gatherUntil ??= now + _options.GatherFor;
            StartIfGathered(now, actions);
        }
        else if (Phase == RunPhase.Preparing)
        {
            AddCause(cause, isLink);
            TryClose(now, actions);
        }
    }

    private void AddCause(string cause, bool isLink)
    {
        _onlyLinks &= isLink;
        if (!_causes.Contains(cause))
        {
            _causes.Add(cause);
        }
    }

    private void StartIfGathered(TimeSpan now, List<RunAction> actions)
    {
        if (Phase == RunPhase.Stable && _gatherUntil is { } until && (now >= until || NothingMoreToHear(now)))
        {
            StartChange(now, actions);
        }
    }

    // Whether each suspect is known to be gone, each broken link is known at both ends, and nobody else will leave.
    private bool NothingMoreToHear(TimeSpan now)
    {
        var gone = FindGone(now, countTimeouts: true);
        foreach (var seat in _seats.Values)
        {
            if (seat.Stream is null && !gone.ContainsKey(seat.Member))
            {
                return false;
            }
        }

        foreach (var (reporter, target) in _reports.Directions)
        {
            var other = new MemberId(target);
            if (!gone.ContainsKey(other) && !_reports.Has(other, new MemberId(reporter)))
            {
                return false;
            }
        }

        var leaving = _seats.Values.Count(seat => seat.Leaving);
        return leaving == 0 || _seats.Values.All(seat => seat.Leaving || gone.ContainsKey(seat.Member));
    }

    private void StartChange(TimeSpan now, string cause, List<RunAction> actions)
    {
        AddCause(cause, isLink: false);
        StartChange(now, actions);
    }

    private void StartChange(TimeSpan now, List<RunAction> actions)
    {
        Phase = RunPhase.Preparing;
        _gatherUntil = null;
        _preparedAt = now;
        _backOff = _options.PrepareAgain;
        _hasAskedAgain = false;
        Log($"{View!.Id} ends: {string.Join("; ", _causes)}", actions);
        AskAll(now, actions);
        TryClose(now, actions);
    }

    private void AskAll(TimeSpan now, List<RunAction> actions)
    {
        Round++;
        _askAgainAt = null;
        _askedAllAt = now;
        foreach (var seat in _seats.Values)
        {
            if (Has(ProtocolRules.R8))
            {
                seat.Answer = null;
            }

            SendPrepare(now, seat, actions);
        }
    }

    private void SendPrepare(TimeSpan now, Seat seat, List<RunAction> actions)
    {
        var isSpared = !Has(ProtocolRules.R20) && (IsSilent(seat, now) || _reports.Names(seat.Member));
        if (seat.Stream is { } stream && !isSpared)
        {
            seat.AskedAt ??= now;
            Send(stream, new ControlMessage { Prepare = new Prepare { View = View!.Record, Round = Round } }, actions);
        }
    }

    /// <summary>Who is gone, and why: dead for sure, or (with timeouts) away or silent for too long (R20).</summary>
    private SortedDictionary<MemberId, string> FindGone(TimeSpan now, bool countTimeouts)
    {
        var gone = new SortedDictionary<MemberId, string>();
        foreach (var seat in _seats.Values)
        {
            if (seat.Dead is { } dead)
            {
                gone.Add(seat.Member, dead);
            }
            else if (countTimeouts && IsGoneAgain(seat))
            {
                gone.Add(seat.Member, $"its control stream closed{Why(seat)} just after it had joined");
            }
            else if (countTimeouts && seat.Stream is null && !IsAwaited(seat, now) && now - seat.ClosedAt >= _options.Grace)
            {
                gone.Add(seat.Member, AwayText(seat));
            }
            else if (countTimeouts && IsSilent(seat, now) && seat.AskedAt is { } asked && now - asked >= _options.Grace)
            {
                gone.Add(seat.Member, $"nothing heard from it for {Seconds(now - seat.Heard)}");
            }
            else if (countTimeouts && IsOverdue(seat, now))
            {
                gone.Add(seat.Member, $"it gave signs of life, but no answer for {Seconds(_options.EvictAfter)}");
            }
        }

        while (FindCutOff(gone) is { Count: > 0 } more)
        {
            foreach (var seat in more)
            {
                gone.Add(
                    seat.Member, $"its control stream closed{Why(seat)} and all its neighbours lost their links to it");
            }
        }

        return gone;
    }

    // A newcomer that dies before its links are open leaves nobody who could say so, and would stop everybody for the grace.
    // It holds nothing yet: one that lives comes again.
    private bool IsGoneAgain(Seat seat) =>
        seat.Stream is null && seat.Joined > 1 && seat.Joined == View!.Id.Epoch && !seat.IsAwaited
        && _announcedAt is { } announced && seat.ClosedAt - announced < _options.Grace;

    // Also when its stream is lost and opened again and again: one that cannot answer must not stop everybody.
    private bool IsOverdue(Seat seat, TimeSpan now) =>
        Phase == RunPhase.Preparing && seat.Answer is null && seat.AskedAt is { } asked
        && now - (asked > _askedAllAt ? asked : _askedAllAt) >= _options.EvictAfter;

    private List<Seat> FindCutOff(SortedDictionary<MemberId, string> gone)
    {
        var found = new List<Seat>();
        foreach (var seat in _seats.Values)
        {
            if (seat.Stream is not null || gone.ContainsKey(seat.Member))
            {
                continue;
            }

            var neighbours = View!.Links.Neighbours(View.RankOf(seat.Member))
                .Select(rank => View.Members[rank])
                .Where(neighbour => !gone.ContainsKey(neighbour))
                .ToList();
            if (neighbours.Count > 0 && neighbours.TrueForAll(neighbour => SawBreak(_seats[neighbour], seat.Member)))
            {
                found.Add(seat);
            }
        }

        return found;
    }

    // One that installed the view late finds links closed whose other ends gave it up.
    private bool SawBreak(Seat neighbour, MemberId member) =>
        _reports.SayBroken(neighbour.Member, member) && !neighbour.WasLate && !neighbour.MissedView;

    private string AwayText(Seat seat) => seat.IsAwaited
        ? $"it did not come back within {Seconds(_options.ReattachFor)} after the coordinator {Returned}"
        : $"its control stream closed{Why(seat)} and did not come back within {Seconds(_options.Grace)}";

    private static string Why(Seat seat) => seat.CloseText.Length > 0 ? $" ({seat.CloseText})" : "";

    private void TryClose(TimeSpan now, List<RunAction> actions)
    {
        var gone = FindGone(now, countTimeouts: true);
        var isComplete = Has(ProtocolRules.R20)
            ? _seats.Values.All(seat => seat.Answer is not null || gone.ContainsKey(seat.Member))
            : now - _preparedAt >= FixedDeadline;
        if (!isComplete)
        {
            return;
        }

        if (EverybodyLeft(gone))
        {
            Finish(gone, actions);
            return;
        }

        // With no answer at all it never closes: whoever could tell what committed may come back.
        if (!_seats.Values.Any(seat => seat.Answer is not null) || !Decide(now, gone, actions))
        {
            _askAgainAt ??= now + _backOff;
        }
    }

    private bool EverybodyLeft(SortedDictionary<MemberId, string> gone) =>
        _seats.Values.All(seat => seat.Leaving)
        || (_seats.Values.Any(seat => seat.Leaving && seat.Answer is not null)
            && _seats.Values.All(seat => seat.Leaving || gone.ContainsKey(seat.Member)));

    private void AskAgain(TimeSpan now, List<RunAction> actions)
    {
        if (Phase != RunPhase.Preparing || _askAgainAt is not { } at || now < at)
        {
            return;
        }

        _hasAskedAgain = true;
        _backOff = _backOff * 2 < _options.EvictAfter ? _backOff * 2 : _options.EvictAfter;
        var answered = _seats.Values.Count(seat => seat.Answer is not null);
        Log(
            $"too few members of {View!.Id} answered to go on ({answered} of {_seats.Count}; at least {Needed()} must continue): "
            + "asking again",
            actions);
        AskAll(now, actions);
    }

    // Members that asked to leave must not hold up those who stay.
    private int Needed() => Math.Max(1, Math.Min(_options.MinMembers, _seats.Values.Count(seat => !seat.Leaving)));

    private bool LoseIfAllAway(TimeSpan now, List<RunAction> actions)
    {
        var allAway = Has(ProtocolRules.R15) && _seats.Values.All(
            seat => seat.Dead is not null || now - (seat.Stream is null ? seat.ClosedAt : seat.Heard) >= _options.LostAfter);
        if (!allAway)
        {
            return false;
        }

        var names = string.Join("; ", FindGone(now, countTimeouts: true).Select(gone => $"{Name(gone.Key)}: {gone.Value}"));
        Fail($"the run is lost: no member of {View!.Id} is left ({names}); resume from a checkpoint under a new run id", actions);
        return true;
    }
}
