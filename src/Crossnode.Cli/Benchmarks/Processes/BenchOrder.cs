using System.Globalization;
using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>The line that makes every process of a set run one round, ours and the peers' alike; those ignore the end of it.</summary>
internal sealed record BenchOrder(
    BenchOperation Operation, ElementType Type, long Bytes, int Iterations, bool InPlace, string Codec, string Commit, string Algorithm)
{
    /// <summary>The line that ends a process.</summary>
    public const string Stop = "stop";

    private const string Go = "go";
    private const string In = "in";
    private const string Out = "out";

    /// <summary>One line.</summary>
    public string ToLine() => string.Create(
        CultureInfo.InvariantCulture, $"{Go} {Operation.Name} {Type.Name()} {Bytes} {Iterations} {(InPlace ? In : Out)} {Codec} {Commit} {Algorithm}");

    /// <summary>Reads the line of <see cref="ToLine"/>; null for any other.</summary>
    public static BenchOrder? Parse(string line) =>
        line.Split(' ') is [Go, var operation, var type, var bytes, var iterations, var place, var codec, var commit, var algorithm]
            ? new BenchOrder(
                BenchOperation.Named(operation),
                Enum.GetValues<ElementType>().First(t => t != ElementType.None && t.Name() == type),
                long.Parse(bytes, CultureInfo.InvariantCulture),
                int.Parse(iterations, CultureInfo.InvariantCulture),
                place == In,
                codec,
                commit,
                algorithm)
            : null;
}
