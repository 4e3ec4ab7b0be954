using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Faults;

/// <summary>Who was hurt enough that it may be left out; everybody else is healthy and must stay.</summary>
internal sealed class Health(int members, int firstNewcomer)
{
    private readonly List<Absence>[] _absences = Make(members);
    private readonly List<long> _announcedAt = [];
    private readonly bool[] _excused = new bool[members];
    private readonly bool[,] _broken = new bool[members, members];
    private readonly long[] _streamLostAt = Filled(members);

    // A stream that is lost while its process joins may cost it the view that it was to come with.
    private static readonly long Joining = 2 * Timings.Grace.Ticks;
    private readonly long[] _joinedAt = Filled(members);

    /// <summary>A view was announced with which this process comes.</summary>
    public void Joined(int member, long now)
    {
        _joinedAt[member] = now;
        _excused[member] |= now > 0 && member >= firstNewcomer && now - _streamLostAt[member] < Joining;
    }

    /// <summary>Nothing more is expected of this member.</summary>
    public void Excuse(int member) => _excused[member] = true;

    /// <summary>The link between two members was bad at some time.</summary>
    public void LinkBroke(int a, int b)
    {
        _broken[a, b] = true;
        _broken[b, a] = true;
    }

    /// <summary>The member and the coordinator do not hear each other, or only late, from now on.</summary>
    public void CutOff(int member, long now)
    {
        var known = _absences[member];
        // A short break between two absences heals nothing.
        if (known.Count > 0 && known[^1].Depth == 0 && now - known[^1].To < Timings.Grace.Ticks)
        {
            known[^1] = known[^1] with { To = long.MaxValue, Depth = 1 };
        }
        else if (known.Count > 0 && known[^1].Depth > 0)
        {
            known[^1] = known[^1] with { Depth = known[^1].Depth + 1 };
        }
        else
        {
            known.Add(new Absence(now, long.MaxValue, 1));
        }
    }

    public void Rejoined(int member, long now)
    {
        var known = _absences[member];
        var depth = known[^1].Depth - 1;
        known[^1] = known[^1] with { Depth = depth, To = depth == 0 ? now : long.MaxValue };
    }

    /// <summary>The member's control stream was lost.</summary>
    public void StreamLost(int member, long now)
    {
        _streamLostAt[member] = now;
        _excused[member] |= member >= firstNewcomer && now - _joinedAt[member] < Joining;
    }

    /// <summary>A view was announced: who does not hear of it in time leaves dials unanswered, and loses its links.</summary>
    public void Announced(long now) => _announcedAt.Add(now);

    /// <summary>Whether the member must still be in the run.</summary>
    /// <param name="member">The member.</param>
    /// <param name="now">The virtual time.</param>
    /// <param name="stays">Whether a member is there, and will be: links to it count.</param>
    /// <param name="mayCount">Whether it was there a moment ago: the other part may have been that much larger.</param>
    public bool IsHealthy(int member, long now, Func<int, bool> stays, Func<int, bool> mayCount) =>
        !IsExcused(member, now) && 2 * SizeOfPart(member, now, stays) > Enumerable.Range(0, members).Count(mayCount);

    private bool IsExcused(int member, long now)
    {
        if (_excused[member])
        {
            return true;
        }

        foreach (var absence in _absences[member])
        {
            var until = Math.Min(absence.To, now);
            var lostItsStream = _streamLostAt[member] >= absence.From - Timings.Grace.Ticks && _streamLostAt[member] <= until + Timings.Grace.Ticks;
            var missedView = _announcedAt.Exists(at => at >= absence.From - Timings.Grace.Ticks && at <= until);
            var tolerated = lostItsStream ? Timings.ToleratedLoss : missedView ? Timings.ToleratedStop : Timings.ToleratedSilence;
            if (until - absence.From > tolerated.Ticks)
            {
                return true;
            }
        }

        return false;
    }

    // Those whom links join to it that never failed. More than half of all: whatever the view, it is in the larger part.
    private int SizeOfPart(int member, long now, Func<int, bool> stays)
    {
        var part = new HashSet<int> { member };
        var open = new Queue<int>(part);
        while (open.TryDequeue(out var from))
        {
            for (var to = 0; to < members; to++)
            {
                if (!_broken[from, to] && stays(to) && !IsExcused(to, now) && part.Add(to))
                {
                    open.Enqueue(to);
                }
            }
        }

        return part.Count;
    }

    private static List<Absence>[] Make(int members)
    {
        var lists = new List<Absence>[members];
        for (var member = 0; member < members; member++)
        {
            lists[member] = [];
        }

        return lists;
    }

    private static long[] Filled(int members)
    {
        var times = new long[members];
        Array.Fill(times, long.MinValue / 2);
        return times;
    }

    private readonly record struct Absence(long From, long To, int Depth);
}
