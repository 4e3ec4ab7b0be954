namespace Crossnode.Cli.Launching;

/// <summary>What happens in a run that this process launched; handed to its observer one at a time.</summary>
internal abstract record LaunchEvent
{
    /// <summary>The coordinator announced a view.</summary>
    public sealed record ViewAnnounced(long Epoch, IReadOnlyList<int> Members, string Text) : LaunchEvent;

    /// <summary>A worker said something.</summary>
    public sealed record Noted(int Worker, string Topic, string Json) : LaunchEvent;

    /// <summary>A worker was put out of the run.</summary>
    public sealed record Evicted(int Worker, string Text) : LaunchEvent;

    /// <summary>A worker left the run as it had asked.</summary>
    public sealed record Left(int Worker) : LaunchEvent;

    /// <summary>The run is lost, or did not start.</summary>
    public sealed record RunFailed(string Text) : LaunchEvent;

    /// <summary>A worker's process ended.</summary>
    public sealed record Exited(WorkerExit Exit) : LaunchEvent;

    /// <summary>Somebody asked the launcher to stop; the workers have been told.</summary>
    public sealed record StopRequested(int Signal) : LaunchEvent;

    /// <summary>Workers are ended without asking; the text says why.</summary>
    public sealed record Killing(string Text) : LaunchEvent;
}
