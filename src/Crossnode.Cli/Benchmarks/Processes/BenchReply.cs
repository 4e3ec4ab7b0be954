using System.Globalization;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>What a rank measured in a round.</summary>
/// <param name="Rank">Which one.</param>
/// <param name="Seconds">The median of its operations.</param>
/// <param name="AllocatedBytes">Managed memory that the calling thread took in the last operation.</param>
/// <param name="CpuSeconds">Of its process, for an operation and the barrier before it.</param>
internal readonly record struct BenchReply(int Rank, double Seconds, long AllocatedBytes, double CpuSeconds)
{
    private const string Took = "took";
    private const string Ready = "ready";

    /// <summary>One line.</summary>
    public string ToLine() => string.Create(CultureInfo.InvariantCulture, $"{Took} {Rank} {Seconds:R} {AllocatedBytes} {CpuSeconds:R}");

    /// <summary>Reads the line of <see cref="ToLine"/>; peers end it after the seconds.</summary>
    public static BenchReply? Parse(string line) =>
        line.Split(' ') is [Took, var rank, var seconds, .. var more]
        && int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && double.TryParse(seconds, NumberStyles.Float, CultureInfo.InvariantCulture, out var time)
            ? new BenchReply(
                number,
                time,
                more.Length > 0 ? long.Parse(more[0], CultureInfo.InvariantCulture) : 0,
                more.Length > 1 ? double.Parse(more[1], CultureInfo.InvariantCulture) : 0)
            : null;

    /// <summary>The line by which a rank says that it can begin.</summary>
    public static string ReadyLine(int rank, int processId) => string.Create(CultureInfo.InvariantCulture, $"{Ready} {rank} {processId}");

    /// <summary>Reads the line of <see cref="ReadyLine"/>.</summary>
    public static (int Rank, int ProcessId)? ParseReady(string line) =>
        line.Split(' ') is [Ready, var rank, var process]
        && int.TryParse(rank, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && int.TryParse(process, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? (number, id)
            : null;
}
