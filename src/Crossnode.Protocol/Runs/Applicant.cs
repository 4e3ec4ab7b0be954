using Crossnode.Core;
using Crossnode.Protocol.Control;

namespace Crossnode.Protocol.Runs;

/// <summary>A process that wants to join a run that has started; bound to its stream (R14).</summary>
internal sealed class Applicant(MemberId member, ulong incarnation, string endpoint, long stream)
{
    public MemberId Member { get; } = member;

    public ulong Incarnation { get; } = incarnation;

    public string Endpoint { get; } = endpoint;

    public long Stream { get; } = stream;

    public TimeSpan Heard { get; set; }

    /// <summary>It has said that it is not ready yet.</summary>
    public bool Waits { get; set; }

    /// <summary>When it came.</summary>
    public TimeSpan Since { get; set; }

    /// <summary>When its dials have had their time.</summary>
    public TimeSpan Until { get; set; }

    /// <summary>What its dials to the members gave: over these links it can be admitted (R19).</summary>
    public ProbeBook Dials { get; } = new();
}

/// <summary>Whether a newcomer can be called by the members: only for people, since newcomers dial.</summary>
internal sealed class CallCheck(Applicant newcomer, TimeSpan until)
{
    public MemberId Member { get; } = newcomer.Member;

    public ulong Incarnation { get; } = newcomer.Incarnation;

    public string Endpoint { get; } = newcomer.Endpoint;

    public long Stream { get; } = newcomer.Stream;

    public TimeSpan Until { get; set; } = until;

    public ProbeBook Calls { get; } = new();
}

/// <summary>Answers to probes, by the member at the other end.</summary>
internal sealed class ProbeBook
{
    private readonly SortedDictionary<MemberId, Entry> _entries = [];

    public int Count => _entries.Count;

    public bool IsComplete => _entries.Values.All(static entry => entry.Reached is not null);

    public bool AnyReached => _entries.Values.Any(static entry => entry.Reached == true);

    public void Clear() => _entries.Clear();

    public void Expect(MemberId member, ulong incarnation, string endpoint) =>
        _entries[member] = new Entry(incarnation, endpoint, null, "no answer in time");

    public void Note(MemberId member, bool reached, string reason)
    {
        if (_entries.TryGetValue(member, out var entry) && entry.Reached is null)
        {
            _entries[member] = entry with { Reached = reached, Reason = reason };
        }
    }

    /// <summary>Whether this very process was asked for.</summary>
    public bool Knows(MemberId member, ulong incarnation) =>
        _entries.TryGetValue(member, out var entry) && entry.Incarnation == incarnation;

    public bool HasReached(MemberId member, ulong incarnation) =>
        Knows(member, incarnation) && _entries[member].Reached == true;

    /// <summary>Who was dialled, where, and why in vain.</summary>
    public string Failures() => string.Join(
        "; ", _entries.Where(entry => entry.Value.Reached != true).Select(entry => $"{entry.Key} at {entry.Value.Endpoint}: {entry.Value.Reason}"));

    /// <summary>Who dialled, from where, and why in vain.</summary>
    public string Callers() => string.Join(
        "; ", _entries.Where(entry => entry.Value.Reached != true).Select(entry => $"{entry.Key} ({entry.Value.Endpoint}): {entry.Value.Reason}"));

    private sealed record Entry(ulong Incarnation, string Endpoint, bool? Reached, string Reason);
}
