namespace Crossnode.Cli.Launching;

/// <summary>Decides, from how workers ended, whether the run as a whole succeeded.</summary>
/// <remarks>
/// A worker that was killed from outside or evicted is what this library is for: the run succeeds when those that are left
/// finish. One that fails by itself makes the run fail, though the others finish undisturbed. Before the first view nobody
/// can go on without anybody; workers that join a run of others do not depend on one another.
/// </remarks>
/// <param name="workers">How many there are.</param>
/// <param name="joins">Whether they join a run of others.</param>
internal sealed class LaunchVerdict(int workers, bool joins = false)
{
    // A process that fails loses its place a moment before its end is noticed: that eviction excuses nothing.
    private static readonly TimeSpan EvictedByEnding = TimeSpan.FromSeconds(1);

    private readonly WorkerExit?[] _exits = new WorkerExit?[workers];
    private readonly Dictionary<int, TimeSpan> _evictedAt = [];
    private readonly HashSet<int> _excused = [];

    // Started anew, and in no view yet: an eviction is that of the process before it.
    private readonly HashSet<int> _returning = [];

    // Who came, or was started anew, when the run had begun.
    private readonly HashSet<int> _comers = joins ? [.. Enumerable.Range(0, workers)] : [];

    /// <summary>Whether a view was announced: from then on members can be lost.</summary>
    public bool HasStarted { get; private set; } = joins;

    /// <summary>Whether the workers that still run wait for one that will not come.</summary>
    public bool IsHopeless => !HasStarted && _exits.Any(e => e is { Fate: not WorkerFate.Finished });

    /// <summary>Whether all that still run were put out of the run: nobody needs to wait for them.</summary>
    public bool OnlyEvictedRun =>
        HasStarted && Enumerable.Range(0, workers).All(w => _exits[w] is not null || _evictedAt.ContainsKey(w));

    public void ViewAnnounced(IReadOnlyList<int> members)
    {
        HasStarted = true;
        foreach (var member in members)
        {
            // It has come back as a newcomer.
            _evictedAt.Remove(member);
            _returning.Remove(member);
        }
    }

    /// <summary>Notes that the coordinator put a worker out of the run.</summary>
    public void Evicted(int worker, TimeSpan now)
    {
        if (!_returning.Contains(worker))
        {
            _evictedAt.TryAdd(worker, now);
        }
    }

    /// <summary>Whether a worker has finished: the run is over, and one that died meanwhile has nothing to come back to.</summary>
    public bool HasFinished => _exits.Any(e => e is { Fate: WorkerFate.Finished });

    /// <summary>Notes that a worker that had ended was started anew: its end counts no more.</summary>
    public void Restarted(int worker)
    {
        _exits[worker] = null;
        _returning.Add(worker);
        _comers.Add(worker);
        _evictedAt.Remove(worker);
        _excused.Remove(worker);
    }

    public void Exited(WorkerExit exit, TimeSpan now)
    {
        _exits[exit.Worker] = exit;
        if (_evictedAt.TryGetValue(exit.Worker, out var evicted)
            && (exit.ExitCode == ExitCodes.Evicted || now - evicted > EvictedByEnding))
        {
            _excused.Add(exit.Worker);
        }
        else if (exit.ExitCode == ExitCodes.Evicted && _comers.Contains(exit.Worker))
        {
            // The run did not take it any more. Where nobody finished, it failed all the same.
            _excused.Add(exit.Worker);
        }
    }

    /// <summary>Says why the run failed; null when it succeeded. To be asked when all workers have ended.</summary>
    /// <param name="memberOf">The numbers that workers have in the run, or -1; those of this launch without it.</param>
    public string? FailureReason(Func<int, int>? memberOf = null)
    {
        var exits = _exits.OfType<WorkerExit>().ToList();
        string Describe(IReadOnlyList<WorkerExit> some) => Words([.. some.Select(e => e with { Worker = memberOf?.Invoke(e.Worker) ?? e.Worker })]);
        var failed = exits.Where(e => e.Fate == WorkerFate.Failed && !_excused.Contains(e.Worker)).ToList();
        if (!HasStarted && exits.Any(e => e.Fate != WorkerFate.Finished))
        {
            // Those that were ended because of the first failure are no news.
            return $"{Describe(failed.Count > 0 ? failed : [.. exits.Where(e => e.Fate == WorkerFate.Killed)])} before the run had started";
        }
        if (failed.Count > 0)
        {
            return $"{Describe(failed)}; {(failed.Count > 1 ? "their" : "its")} own output above says why";
        }
        return exits.Any(e => e.Fate == WorkerFate.Finished) ? null : $"no worker finished: {Describe(exits)}{Sentences(exits)}";
    }

    private static string Words(IReadOnlyList<WorkerExit> exits) =>
        string.Join(" and ", exits.GroupBy(e => e.ExitCode).Select(same => $"{Names([.. same])} {same.First().Describe(several: same.Count() > 1)}"));

    private static string Names(IReadOnlyList<WorkerExit> exits) =>
        exits.Count > 1 && exits.All(e => e.Worker >= 0)
            ? $"workers {string.Join(", ", exits.Select(e => e.Worker))}"
            : string.Join(", ", exits.Select(e => e.Name));

    // What several say alike is said once.
    private static string Sentences(IReadOnlyList<WorkerExit> exits) =>
        exits.Where(e => e.Fate == WorkerFate.Failed).Select(e => e.Sentence).OfType<string>().Distinct().ToList() is { Count: > 0 } sentences ? $", and said: {string.Join("; ", sentences)}" : "";
}
