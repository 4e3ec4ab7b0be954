using System.Text.Json;
using Crossnode.Cli.Output;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>What a worker of crossnode bench reads from its standard input first.</summary>
internal sealed record BenchWorkerPlan(string Coordinator, string Run, int Rank, string Link, string CongestionControl)
{
    /// <summary>One line of JSON.</summary>
    public string ToLine() => JsonLines.Write(this);

    /// <summary>Reads the line of <see cref="ToLine"/>.</summary>
    /// <exception cref="UsageException">It is none: somebody other than crossnode bench started this worker.</exception>
    public static BenchWorkerPlan Parse(string? line)
    {
        try
        {
            if (line is not null && JsonSerializer.Deserialize<BenchWorkerPlan>(line, JsonLines.Options) is { Coordinator: not null } plan)
            {
                return plan;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }
        throw new UsageException("A worker of a benchmark reads its plan from standard input: use crossnode bench, which starts the workers itself.");
    }
}
