namespace Crossnode.Cli.Launching;

/// <summary>Events of a launch in words.</summary>
internal static class LaunchTexts
{
    /// <summary>What was started: the line that tells whom to kill.</summary>
    public static string Started(Launch launch) =>
        $"run {launch.Run}, coordinator at {launch.Address} in this process, {Environment.ProcessId}; "
        + $"workers 0 to {launch.Workers.Count - 1} are processes {string.Join(' ', launch.Workers.Select(w => w.Id))}";

    /// <summary>Said once the coordinator listens where others can come.</summary>
    public static string OpenToOthers(string address) =>
        $"warning: the coordinator listens on {address}, where anybody who reaches it can join: use this only on a network that you trust.";

    /// <summary>One sentence, or null for what people need not read.</summary>
    public static string? Describe(LaunchEvent happened, int workers) => happened switch
    {
        LaunchEvent.ViewAnnounced { Members.Count: 0 } => null,
        LaunchEvent.ViewAnnounced view when view.Members.Count == workers =>
            $"view {view.Epoch}: all {workers} workers{(view.Epoch > 1 ? Why(view.Text) : "")}",
        LaunchEvent.ViewAnnounced view => $"view {view.Epoch}: worker{(view.Members.Count > 1 ? "s" : "")} {string.Join(", ", view.Members)} go{(view.Members.Count > 1 ? "" : "es")} on{Why(view.Text)}",
        LaunchEvent.Exited { Exit.Fate: not WorkerFate.Finished } exited => $"worker {exited.Exit.Worker} {exited.Exit.Describe()}",
        LaunchEvent.RunFailed failed => failed.Text,
        LaunchEvent.StopRequested stop =>
            $"asked to stop: {Signals.Name(stop.Signal)} went to the workers, and ends those whose program does not handle it; once more kills them all",
        LaunchEvent.Killing killing => $"killing the workers: {killing.Text}",
        _ => null,
    };

    private static string Why(string text) => text.Length == 0 ? "" : $" ({text})";
}
