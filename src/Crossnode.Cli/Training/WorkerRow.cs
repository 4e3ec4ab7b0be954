namespace Crossnode.Cli.Training;

/// <summary>What is known of one worker.</summary>
internal sealed record WorkerRow(int Number)
{
    public int ProcessId { get; init; }

    public WorkerState State { get; init; } = WorkerState.Starting;

    /// <summary>When the worker last said something, counted from the program's start.</summary>
    public TimeSpan HeardAt { get; init; }

    /// <summary>The step that the worker is in, or was in last.</summary>
    public long Step { get; init; }

    public double? OwnLoss { get; init; }

    /// <summary>What the worker itself learns.</summary>
    public Pace Own { get; init; }

    /// <summary>What all learn, as the worker sees it.</summary>
    public Pace All { get; init; }

    /// <summary>Bytes of text learned a second, averaged over the last steps.</summary>
    public double BytesPerSecond => Own.BytesPerSecond;

    public long PayloadBytesSent { get; init; }

    public long WireBytesSent { get; init; }

    public long BytesReceived { get; init; }

    public long View { get; init; }

    /// <summary>How it waits for the coordinator; null while it does not.</summary>
    public string? WaitText { get; init; }

    public string? StateHash { get; init; }

    /// <summary>Bytes of state that are here while the worker fetches the run's.</summary>
    public long BytesFetched { get; init; }

    /// <summary>Bytes of state in all.</summary>
    public long BytesToFetch { get; init; }
}

/// <summary>What a worker does.</summary>
internal enum WorkerState
{
    Starting,
    Ready,
    FetchingData,
    Fetching,
    Computing,
    Averaging,
    Evaluating,
    Leaving,
    Evicted,
    Gone,
}
