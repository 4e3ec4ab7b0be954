using Microsoft.Extensions.Logging;

namespace Crossnode.Cli.Launching;

/// <summary>How workers on this machine are launched.</summary>
internal sealed record LaunchOptions
{
    /// <summary>Loading libtorch in several processes takes a while on a busy machine.</summary>
    public static readonly TimeSpan DefaultStartTimeout = TimeSpan.FromMinutes(2);

    /// <summary>The most workers of a launch: each is a process with links to all the others.</summary>
    public const int MostWorkers = 256;

    /// <summary>How many workers to start.</summary>
    public required int Workers { get; init; }

    /// <summary>What they run.</summary>
    public required WorkerCommand Command { get; init; }

    /// <summary>Where the coordinator, if it is in this process, and the workers listen.</summary>
    public NetworkPlace Network { get; init; } = NetworkPlace.Local;

    /// <summary>The run to take part in; null: one of its own, with a coordinator in this process.</summary>
    public RemoteRun? Remote { get; init; }

    /// <summary>How often each worker that dies is started anew, as a newcomer.</summary>
    public int Restarts { get; init; }

    /// <summary>How long a member may be silent before it is put out of the run.</summary>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long to wait for all workers to join.</summary>
    public TimeSpan StartTimeout { get; init; } = DefaultStartTimeout;

    /// <summary>How long workers get to end after they were asked to.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an evicted worker gets to end when nobody else runs any more.</summary>
    public TimeSpan EvictedGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long workers get to end when the run did not start: they have only a sentence to print.</summary>
    public TimeSpan UnstartedGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where the coordinator's log goes.</summary>
    public ILogger? Logger { get; init; }
}

/// <summary>How a launched run ended.</summary>
/// <param name="Failure">Why it failed, or null.</param>
/// <param name="WasInterrupted">Whether somebody asked it to stop before.</param>
/// <param name="HasStarted">Whether workers took part: there was a view with all, or one had joined a run of others.</param>
internal sealed record LaunchOutcome(string? Failure, bool WasInterrupted, bool HasStarted)
{
    /// <summary>What the program returns.</summary>
    public int ExitCode =>
        WasInterrupted ? ExitCodes.Interrupted : Failure is null ? ExitCodes.Success : ExitCodes.Failure;
}
