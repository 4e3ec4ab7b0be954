namespace Crossnode.Cli.Launching;

/// <summary>How a worker process ended.</summary>
internal enum WorkerFate
{
    /// <summary>With exit code 0.</summary>
    Finished,

    /// <summary>Somebody from outside ended it: those that are left go on, and the run can still succeed.</summary>
    Killed,

    /// <summary>It failed by itself: an exit code of its own, or a crash.</summary>
    Failed,
}

/// <summary>The end of a worker process.</summary>
/// <param name="Worker">Its number.</param>
/// <param name="ExitCode">As the system reports it: 128 and more for a signal.</param>
internal readonly record struct WorkerExit(int Worker, int ExitCode)
{
    private const int SignalBase = 128;
    private const int HighestSignal = 31;

    // Signals that people and systems send to end a process. Those that a process brings upon itself, such as SIGSEGV or the
    // SIGABRT of an unhandled exception, are failures like any exit code.
    private static readonly int[] FromOutside = [1, Signals.Interrupt, 3, Signals.Kill, 13, Signals.Terminate];

    /// <summary>The process that it was.</summary>
    public int ProcessId { get; init; }

    /// <summary>The last error that it printed as Crossnode words them, without its end; null where it printed none.</summary>
    public string? Sentence { get; init; }

    /// <summary>What people call it: by its number in the run, or by its process where it never had one.</summary>
    public string Name => Worker >= 0 ? $"worker {Worker}" : $"process {ProcessId}";

    /// <summary>The signal that ended it, or null.</summary>
    public int? Signal =>
        Signals.AreSupported && ExitCode is > SignalBase and <= SignalBase + HighestSignal ? ExitCode - SignalBase : null;

    /// <summary>What that means for the run.</summary>
    public WorkerFate Fate =>
        ExitCode == 0 ? WorkerFate.Finished
        : Signal is { } signal && FromOutside.Contains(signal) ? WorkerFate.Killed
        : WorkerFate.Failed;

    /// <summary>The end of the sentence "worker 2 ...", or of one about several that ended alike.</summary>
    public string Describe(bool several = false) =>
        ExitCode == 0 ? "finished"
        : Signal is { } signal ? Fate == WorkerFate.Killed ? $"{(several ? "were" : "was")} killed by {Signals.Name(signal)}" : $"crashed with {Signals.Name(signal)}"
        : $"ended with exit code {ExitCode}";
}
