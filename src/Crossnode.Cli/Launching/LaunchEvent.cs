namespace Crossnode.Cli.Launching;

/// <summary>What happens in a run that this process launched; handed to its observer one at a time.</summary>
internal abstract record LaunchEvent
{
    /// <summary>The coordinator announced a view.</summary>
    public sealed record ViewAnnounced(long Epoch, IReadOnlyList<int> Members, string Text) : LaunchEvent;

    /// <summary>A member said something.</summary>
    public sealed record Noted(int Member, string Topic, string Json) : LaunchEvent;

    /// <summary>A worker was put out of the run.</summary>
    public sealed record Evicted(int Worker, string Text) : LaunchEvent;

    /// <summary>A worker left the run as it had asked.</summary>
    public sealed record Left(int Worker) : LaunchEvent;

    /// <summary>A process of this launch is a member now, with a number that somebody else gave it.</summary>
    public sealed record Named(int Worker, int Member) : LaunchEvent;

    /// <summary>Something that whoever started a member should know.</summary>
    public sealed record Noticed(string Text) : LaunchEvent;

    /// <summary>A worker that had died was started anew.</summary>
    public sealed record Restarted(int Worker, int ProcessId, int RestartsLeft) : LaunchEvent;

    /// <summary>The run is lost, or did not start.</summary>
    public sealed record RunFailed(string Text) : LaunchEvent;

    /// <summary>A worker's process ended.</summary>
    public sealed record Exited(WorkerExit Exit) : LaunchEvent;

    /// <summary>Somebody asked the launcher to stop; the workers have been told.</summary>
    public sealed record StopRequested(int Signal) : LaunchEvent;

    /// <summary>Workers are ended without asking; the text says why.</summary>
    public sealed record Killing(string Text) : LaunchEvent;
}
