using Crossnode.Core;

namespace Crossnode.Training.Joining;

/// <summary>One process in a run: a member that was started again is another participant.</summary>
/// <param name="Member">Its identity.</param>
/// <param name="Incarnation">Which process of that identity.</param>
public readonly record struct Participant(MemberId Member, ulong Incarnation);

/// <summary>Which members hold the run's state; the others take part in operations without weight until they do.</summary>
/// <remarks>
/// Every member keeps one and feeds it the same: the participants of each committed step, and the results of comparing
/// hashes. So all copies are equal without a message. Pure.
/// </remarks>
public sealed class LevelTable
{
    private readonly HashSet<Participant> _level;

    /// <summary>Starts with the members that begin with the same state.</summary>
    public LevelTable(IEnumerable<Participant> level) => _level = [.. level];

    /// <summary>The participants that are level, in order.</summary>
    public IReadOnlyList<Participant> Level => [.. _level.OrderBy(p => p.Member)];

    /// <summary>Whether a participant is level.</summary>
    public bool IsLevel(Participant participant) => _level.Contains(participant);

    /// <summary>Takes the participants of a committed step: whoever is missing is forgotten.</summary>
    /// <returns>The level ones, in rank order; never empty unless all level members are gone.</returns>
    public IReadOnlyList<MemberId> Committed(IReadOnlyList<Participant> participants)
    {
        ArgumentNullException.ThrowIfNull(participants);
        _level.IntersectWith(participants);
        return LevelAmong(participants);
    }

    /// <summary>The level members among participants, in their order.</summary>
    public IReadOnlyList<MemberId> LevelAmong(IReadOnlyList<Participant> participants) =>
        [.. participants.Where(_level.Contains).Select(p => p.Member)];

    /// <summary>The participants that are not level, in their order.</summary>
    public IReadOnlyList<Participant> Behind(IReadOnlyList<Participant> participants) =>
        [.. participants.Where(p => !_level.Contains(p))];

    /// <summary>Takes up a participant whose state was shown to be the others'.</summary>
    public void Add(Participant participant) => _level.Add(participant);

    /// <summary>Puts back a participant whose state differs.</summary>
    public void Remove(Participant participant) => _level.Remove(participant);
}
