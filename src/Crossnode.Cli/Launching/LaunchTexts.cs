namespace Crossnode.Cli.Launching;

/// <summary>Events of a launch in words.</summary>
internal static class LaunchTexts
{
    /// <summary>One sentence, or null for what people need not read.</summary>
    public static string? Describe(LaunchEvent happened, int workers) => happened switch
    {
        LaunchEvent.ViewAnnounced { Members.Count: 0 } => null,
        LaunchEvent.ViewAnnounced view when view.Members.Count == workers =>
            $"view {view.Epoch}: all {workers} workers{(view.Epoch > 1 ? Why(view.Text) : "")}",
        LaunchEvent.ViewAnnounced view => $"view {view.Epoch}: worker{(view.Members.Count > 1 ? "s" : "")} {string.Join(", ", view.Members)} go{(view.Members.Count > 1 ? "" : "es")} on{Why(view.Text)}",
        LaunchEvent.Exited { Exit.Fate: not WorkerFate.Finished } exited => $"worker {exited.Exit.Worker} {exited.Exit.Describe()}",
        LaunchEvent.RunFailed failed => failed.Text,
        LaunchEvent.StopRequested => "asked to stop: the workers end their step and leave; once more kills them",
        LaunchEvent.Killing killing => $"killing the workers: {killing.Text}",
        _ => null,
    };

    private static string Why(string text) => text.Length == 0 ? "" : $" ({text})";
}
