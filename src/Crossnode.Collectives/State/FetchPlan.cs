using System.Globalization;

namespace Crossnode.Collectives.State;

/// <summary>Bounds of a fetch.</summary>
public sealed record FetchPlanOptions
{
    /// <summary>Chunks asked of one holder at a time.</summary>
    /// <value>4: at 1 MiB each they fill a path of 40 MB/s and 100 ms.</value>
    public int Depth { get; init; } = 4;

    /// <summary>How long to wait for other holders' manifests after the first.</summary>
    /// <value>2 s.</value>
    public TimeSpan VoteWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a holder may be silent while a connection is opened, chunks are due, or a manifest that others have given.</summary>
    /// <value>10 s.</value>
    public TimeSpan HolderTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often in a row a holder is tried without a chunk coming.</summary>
    /// <value>6, with pauses from 100 ms that double.</value>
    public int Attempts { get; init; } = 6;

    /// <summary>Wrong chunks after which a holder is left alone.</summary>
    /// <value>2.</value>
    public int MaxWrong { get; init; } = 2;
}

/// <summary>Decides from whom which chunk is fetched: pure, the caller tells time and events and does the actions.</summary>
/// <remarks>
/// The most popular manifest wins, of equally popular ones that of the lowest member; a majority of the holders left decides at once.
/// Holders with another one are left alone. Chunks go to whoever has room; those of a holder that is lost, lies or is slow go to another.
/// </remarks>
public sealed partial class FetchPlan
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    // A holder without work takes over a chunk that takes longer than two usual ones and this.
    private static readonly TimeSpan SlowMargin = TimeSpan.FromMilliseconds(250);

    private readonly FetchPlanOptions _options;
    private readonly Holder[] _holders;
    private readonly TimeSpan _started;
    private readonly TimeSpan _deadline;
    private readonly SortedSet<int> _free = [];
    private readonly List<FetchAction> _actions = [];
    private bool[] _isDone = [];
    private UInt128? _chosen;
    private TimeSpan? _firstManifestAt;
    private TimeSpan _usual;
    private int _chunksLeft;
    private bool _isCompared;
    private bool _isOver;

    /// <summary>Starts a fetch.</summary>
    /// <param name="holders">Their names, for texts, in the order of members: the lowest first.</param>
    /// <param name="now">The time.</param>
    /// <param name="deadline">When to give up.</param>
    /// <param name="options">Bounds.</param>
    public FetchPlan(IReadOnlyList<string> holders, TimeSpan now, TimeSpan deadline, FetchPlanOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(holders);
        _options = options ?? new FetchPlanOptions();
        _holders = [.. holders.Select((name, index) => new Holder(index, name))];
        _started = now;
        _deadline = deadline;
        foreach (var holder in _holders)
        {
            holder.RetryAt = now;
        }
    }

    private enum Phase
    {
        Pausing,
        Connecting,
        AwaitingManifest,
        AwaitingVote,
        Serving,
        LeftAlone,
    }

    /// <summary>Chunks that are not here yet; 0 before the manifest was compared.</summary>
    public int ChunksLeft => _chunksLeft;

    /// <summary>The lowest chunk that is not here; -1 when that is not known.</summary>
    public int FirstMissing => _isCompared ? Array.IndexOf(_isDone, false) : -1;

    /// <summary>Whether a chunk has come already, so that another copy of it is of no use.</summary>
    public bool IsHere(int chunk) => (uint)chunk < (uint)_isDone.Length && _isDone[chunk];

    /// <summary>When the next tick is due at the latest.</summary>
    public TimeSpan NextTick(TimeSpan now) => now + TimeSpan.FromMilliseconds(50) < _deadline ? now + TimeSpan.FromMilliseconds(50) : _deadline;

    /// <summary>Takes an event and gives what is to be done, in order. Nothing comes after Finish or Fail.</summary>
    public IReadOnlyList<FetchAction> Step(TimeSpan now, FetchEvent happened)
    {
        ArgumentNullException.ThrowIfNull(happened);
        _actions.Clear();
        if (_isOver)
        {
            return [];
        }

        switch (happened)
        {
            case FetchEvent.Opened opened:
                OnOpened(now, _holders[opened.Holder]);
                break;
            case FetchEvent.Lost lost:
                OnLost(now, _holders[lost.Holder], lost.Reason);
                break;
            case FetchEvent.Refused refused:
                LeaveAlone(_holders[refused.Holder], refused.Reason);
                break;
            case FetchEvent.ManifestCame came:
                OnManifest(now, _holders[came.Holder], came.TotalHash);
                break;
            case FetchEvent.Compared compared:
                OnCompared(now, compared.Needed);
                break;
            case FetchEvent.Heard heard:
                _holders[heard.Holder].HeardAt = now;
                break;
            case FetchEvent.ChunkCame came:
                OnChunk(now, _holders[came.Holder], came);
                break;
        }

        Go(now);
        return [.. _actions];
    }

    private void Go(TimeSpan now)
    {
        foreach (var holder in _holders)
        {
            CheckTimes(now, holder);
        }

        Vote(now);
        if (_isCompared && _chunksLeft == 0)
        {
            End(new FetchAction.Finish());
        }
        else if (Array.TrueForAll(_holders, holder => holder.Phase == Phase.LeftAlone))
        {
            End(new FetchAction.Fail(false, Describe()));
        }
        else if (now >= _deadline)
        {
            End(new FetchAction.Fail(
                true, string.Create(CultureInfo.InvariantCulture, $"in {(_deadline - _started).TotalSeconds:0.#} s; {Describe()}")));
        }
        else if (_isCompared)
        {
            Assign(now);
        }
    }

    private void CheckTimes(TimeSpan now, Holder holder)
    {
        switch (holder.Phase)
        {
            case Phase.Pausing when now >= holder.RetryAt:
                holder.Phase = Phase.Connecting;
                holder.HeardAt = now;
                _actions.Add(new FetchAction.Connect(holder.Index));
                break;
            case Phase.Connecting when now - holder.HeardAt > _options.HolderTimeout:
            case Phase.AwaitingManifest when _chosen is not null && now - holder.HeardAt > _options.HolderTimeout:
            case Phase.Serving when holder.Asked.Count > 0 && now - holder.HeardAt > _options.HolderTimeout:
                var silent = string.Create(CultureInfo.InvariantCulture, $"silent for {_options.HolderTimeout.TotalSeconds:0.#} s");
                _actions.Add(new FetchAction.Close(holder.Index, silent));
                OnLost(now, holder, silent);
                break;
        }
    }

    private void OnOpened(TimeSpan now, Holder holder)
    {
        if (holder.Phase == Phase.Connecting)
        {
            holder.Phase = Phase.AwaitingManifest;
            holder.HeardAt = now;
            _actions.Add(new FetchAction.AskManifest(holder.Index));
        }
    }

    private void OnLost(TimeSpan now, Holder holder, string reason)
    {
        if (holder.Phase is Phase.LeftAlone or Phase.Pausing)
        {
            return;
        }

        GiveBack(holder);
        holder.Trouble = reason;
        holder.TotalHash = null;
        if (++holder.Failures >= _options.Attempts)
        {
            holder.Phase = Phase.LeftAlone;
            return;
        }

        var pause = FirstPause * Math.Pow(2, holder.Failures - 1);
        holder.Phase = Phase.Pausing;
        holder.RetryAt = now + (pause < LongestPause ? pause : LongestPause);
    }

    private void LeaveAlone(Holder holder, string reason)
    {
        if (holder.Phase != Phase.LeftAlone)
        {
            GiveBack(holder);
            holder.Phase = Phase.LeftAlone;
            holder.Trouble = reason;
            _actions.Add(new FetchAction.Close(holder.Index, reason));
        }
    }

    private void OnManifest(TimeSpan now, Holder holder, UInt128 totalHash)
    {
        if (holder.Phase != Phase.AwaitingManifest)
        {
            return;
        }

        holder.TotalHash = totalHash;
        holder.HeardAt = now;
        holder.Phase = Phase.AwaitingVote;
        _firstManifestAt ??= now;
        if (_chosen is { } chosen)
        {
            Admit(holder, chosen);
        }
    }

    private void Vote(TimeSpan now)
    {
        if (_chosen is not null || _firstManifestAt is not { } first)
        {
            return;
        }

        var contenders = _holders.Count(holder => holder.Phase != Phase.LeftAlone);
        var best = _holders.Where(holder => holder.TotalHash is not null)
            .GroupBy(holder => holder.TotalHash!.Value)
            .Select(group => (Hash: group.Key, Votes: group.Count(), First: group.Min(holder => holder.Index)))
            .OrderByDescending(group => group.Votes).ThenBy(group => group.First)
            .FirstOrDefault();
        var votes = _holders.Count(holder => holder.TotalHash is not null);
        if (best.Votes == 0 || (best.Votes * 2 <= contenders && votes < contenders && now - first < _options.VoteWait))
        {
            return;
        }

        _chosen = best.Hash;
        _actions.Add(new FetchAction.Choose(best.Hash));
        foreach (var holder in _holders)
        {
            if (holder.Phase == Phase.AwaitingVote)
            {
                Admit(holder, best.Hash);
            }
        }
    }

    private void Admit(Holder holder, UInt128 chosen)
    {
        if (holder.TotalHash == chosen)
        {
            holder.Phase = Phase.Serving;
        }
        else
        {
            LeaveAlone(holder, "its state is another one than that of most holders");
        }
    }

    private void OnCompared(TimeSpan now, IReadOnlyList<bool> needed)
    {
        _isDone = new bool[needed.Count];
        for (var chunk = 0; chunk < needed.Count; chunk++)
        {
            _isDone[chunk] = !needed[chunk];
            if (needed[chunk])
            {
                _free.Add(chunk);
            }
        }

        _chunksLeft = _free.Count;
        _isCompared = true;
        foreach (var holder in _holders)
        {
            holder.HeardAt = now; // Comparing took time, in which nobody was asked for anything.
        }
    }

    private void End(FetchAction action)
    {
        _isOver = true;
        _actions.Add(action);
    }

    private string Describe() => string.Join("; ", _holders.Select(holder => $"{holder.Name}: {holder.Describe()}"));

    private sealed class Holder(int index, string name)
    {
        public int Index { get; } = index;

        public string Name { get; } = name;

        public Phase Phase { get; set; }

        public int Failures { get; set; }

        public int Wrong { get; set; }

        public TimeSpan RetryAt { get; set; }

        public TimeSpan HeardAt { get; set; }

        public UInt128? TotalHash { get; set; }

        public string? Trouble { get; set; }

        public Dictionary<int, TimeSpan> Asked { get; } = [];

        public string Describe()
        {
            var phase = Phase switch
            {
                Phase.Connecting => "does not answer yet",
                Phase.Pausing => "is tried again",
                Phase.AwaitingManifest => "has not given its manifest",
                Phase.AwaitingVote => "gave its manifest",
                Phase.Serving => string.Create(CultureInfo.InvariantCulture, $"serves ({Asked.Count} chunks are under way)"),
                _ => "is left alone",
            };
            return Trouble is null ? phase : $"{phase} ({Trouble})";
        }
    }
}
