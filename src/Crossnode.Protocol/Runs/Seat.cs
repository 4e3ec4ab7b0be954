using Crossnode.Core;
using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Runs;

/// <summary>What the coordinator knows of one member of the current view.</summary>
internal sealed class Seat(MemberId member, ulong incarnation, string endpoint)
{
    public MemberId Member { get; } = member;

    public ulong Incarnation { get; private set; } = incarnation;

    public string Endpoint { get; private set; } = endpoint;

    /// <summary>The epoch of the view that it came with.</summary>
    public long Joined { get; init; } = 1;

    /// <summary>Its one control stream; null while it has none.</summary>
    public long? Stream { get; set; }

    public TimeSpan Heard { get; set; }

    public TimeSpan ClosedAt { get; set; }

    public string CloseText { get; set; } = "";

    /// <summary>Set when this process can never be a member again, for instance because another one took its number (R9).</summary>
    public string? Dead { get; set; }

    public bool Leaving { get; set; }

    /// <summary>It has not come back yet since this coordinator was started again, or stood still.</summary>
    public bool IsAwaited { get; set; }

    /// <summary>It had not got the view that the coordinator before this one had announced.</summary>
    public bool MissedView { get; set; }

    /// <summary>When it installed the view that the coordinator before this one had announced; null when it has not said.</summary>
    public TimeSpan? InstalledAt { get; set; }

    /// <summary>The answer that counts: of this round, on the current stream (R8).</summary>
    public Answer? Answer { get; set; }

    /// <summary>Its lateness was forgiven and nothing has committed since: one that is always late must not stop everybody.</summary>
    public bool WasForgiven { get; set; }

    /// <summary>It installed the view so late that dials to it went unanswered, and those that it found were given up.</summary>
    public bool WasLate { get; set; }

    /// <summary>Reports by it and about it are no test of its links.</summary>
    public bool IsForgiven => WasLate && !WasForgiven;

    /// <summary>When PREPARE of this change first went to it.</summary>
    public TimeSpan? AskedAt { get; set; }

    /// <summary>Only without R9: takes another process for the same member.</summary>
    public void Become(ulong incarnation, string endpoint)
    {
        Incarnation = incarnation;
        Endpoint = endpoint;
    }

    public void Forgive(TimeSpan gap, TimeSpan now)
    {
        Heard = Earlier(Heard + gap, now);
        ClosedAt = Earlier(ClosedAt + gap, now);
        AskedAt = AskedAt is { } asked ? Earlier(asked + gap, now) : null;
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;
}

/// <summary>The broken links of the current view, as members reported them.</summary>
internal sealed class LinkReports
{
    private readonly SortedDictionary<(uint Reporter, uint Target), LinkReport> _reports = [];

    public IEnumerable<(uint Reporter, uint Target)> Directions => _reports.Keys;

    public void Add(MemberId reporter, LinkReport report) => _reports.TryAdd((reporter.Value, report.Member), report);

    public void Clear() => _reports.Clear();

    public bool Has(MemberId reporter, MemberId target) => _reports.ContainsKey((reporter.Value, target.Value));

    /// <summary>Whether the reporter saw its link to the member break or be refused, as when a process dies.</summary>
    public bool SayBroken(MemberId reporter, MemberId target) =>
        _reports.TryGetValue((reporter.Value, target.Value), out var report) && !report.Unanswered;

    /// <summary>Whether anybody reported its link to the member.</summary>
    public bool Names(MemberId target) => _reports.Keys.Any(direction => direction.Target == target.Value);

    /// <summary>Whether anything is known of the member's links, at either end.</summary>
    public bool Concern(MemberId member) =>
        _reports.Keys.Any(direction => direction.Reporter == member.Value || direction.Target == member.Value);

    /// <summary>What either end said of a pair's link, the lower end first.</summary>
    public IEnumerable<(MemberId Reporter, LinkReport Report)> Of(MemberId a, MemberId b)
    {
        if (_reports.TryGetValue((a.Value, b.Value), out var report))
        {
            yield return (a, report);
        }

        if (_reports.TryGetValue((b.Value, a.Value), out report))
        {
            yield return (b, report);
        }
    }
}
