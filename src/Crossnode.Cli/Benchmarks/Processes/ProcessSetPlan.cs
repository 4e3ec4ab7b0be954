using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>How the processes of a set are started and told what to do.</summary>
/// <param name="Name">What people call the set.</param>
/// <param name="World">The number of ranks.</param>
/// <param name="Commands">A program for each rank, or one that starts them all.</param>
internal sealed record ProcessSetPlan(string Name, int World, IReadOnlyList<WorkerCommand> Commands)
{
    /// <summary>What the environment of each holds beyond this process's.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>A line for the standard input of each before all else; none where it has its arguments.</summary>
    public IReadOnlyList<string> FirstLines { get; init; } = [];

    /// <summary>Writes a line to all ranks, where that is not their standard input.</summary>
    public Action<string>? Tell { get; init; }

    /// <summary>Called when all have ended.</summary>
    public Action? Release { get; init; }
}
