namespace Crossnode.Cli.Launching;

/// <summary>Events of a launch in words.</summary>
internal static class LaunchTexts
{
    /// <summary>What was started: the line that tells whom to kill.</summary>
    public static string Started(Launch launch)
    {
        var where = launch.HasCoordinator ? $"in this process, {Environment.ProcessId}" : "elsewhere";
        return $"run {launch.Run}, coordinator at {launch.Address} {where}; {Processes([.. launch.Workers.Select(w => w.Id)], launch.HasCoordinator)}";
    }

    /// <summary>Which processes the workers are.</summary>
    public static string Processes(IReadOnlyList<int> ids, bool haveNumbers) => ids.Count == 1
        ? $"{(haveNumbers ? "worker 0" : "a new worker")} is process {ids[0]}"
        : $"{(haveNumbers ? $"workers 0 to {ids.Count - 1}" : $"{ids.Count} new workers")} are processes {string.Join(' ', ids)}";

    /// <summary>Said once processes listen where others can come.</summary>
    public static string OpenToOthers(NetworkPlace network) =>
        $"warning: this machine listens on {network.Address}, where anybody who reaches it can join: use this only on a network that you trust.";

    /// <summary>The flags that lead another process to a run.</summary>
    public static string Way(string coordinator, Core.RunId run, bool insecure) =>
        $"{coordinator} --run {run}{(insecure ? " --insecure" : "")}";

    /// <summary>One sentence, or null for what people need not read.</summary>
    public static string? Describe(LaunchEvent happened, int workers) => happened switch
    {
        LaunchEvent.ViewAnnounced { Members.Count: 0 } => null,
        LaunchEvent.ViewAnnounced view when view.Members.Count == workers =>
            $"view {view.Epoch}: all {workers} workers{(view.Epoch > 1 ? Why(view.Text) : "")}",
        LaunchEvent.ViewAnnounced view => $"view {view.Epoch}: worker{(view.Members.Count > 1 ? "s" : "")} {string.Join(", ", view.Members)} go{(view.Members.Count > 1 ? "" : "es")} on{Why(view.Text)}",
        LaunchEvent.Exited { Exit.Fate: not WorkerFate.Finished } exited => $"{exited.Exit.Name} {exited.Exit.Describe()}",
        LaunchEvent.Restarted again => $"worker {again.Worker} was started anew as process {again.ProcessId} ({Left(again.RestartsLeft)})",
        LaunchEvent.Noticed notice => notice.Text,
        LaunchEvent.RunFailed failed => failed.Text,
        LaunchEvent.StopRequested stop =>
            $"asked to stop: {Signals.Name(stop.Signal)} went to the workers, and ends those whose program does not handle it; once more kills them all",
        LaunchEvent.Killing killing => $"killing the workers: {killing.Text}",
        _ => null,
    };

    private static string Left(int restarts) => restarts switch
    {
        0 => "not again",
        1 => "once more if need be",
        _ => $"{restarts} times more if need be",
    };

    private static string Why(string text) => text.Length == 0 ? "" : $" ({text})";
}
