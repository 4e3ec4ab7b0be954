using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>A line of JSON: one way of running one operation. Times are in seconds, bandwidth in bytes per second.</summary>
internal sealed record BenchRow
{
    public string Kind { get; } = "bench";

    public required string Operation { get; init; }

    public required int World { get; init; }

    public required long Bytes { get; init; }

    public required string Type { get; init; }

    public required string Link { get; init; }

    public required string Codec { get; init; }

    public required bool InPlace { get; init; }

    public required string Commit { get; init; }

    public required string CongestionControl { get; init; }

    public required string Algorithm { get; init; }

    public required bool Pinned { get; init; }

    public required int Rounds { get; init; }

    public required int Iterations { get; init; }

    public required double MedianSeconds { get; init; }

    public required double MinSeconds { get; init; }

    public required double MaxSeconds { get; init; }

    public required double BusBandwidth { get; init; }

    public required long AllocatedBytes { get; init; }

    public required double CpuSecondsPerOperation { get; init; }

    public IReadOnlyDictionary<string, PeerResult>? Peers { get; init; }

    public string? BestPeer { get; init; }

    public double? RatioToBestPeer { get; init; }

    public double? LatencyRatio { get; init; }

    public double? RatioMin { get; init; }

    public double? RatioMax { get; init; }

    public required string Program { get; init; }

    public required string Machine { get; init; }

    /// <summary>Makes the row of what rounds measured.</summary>
    /// <param name="measured">What was run.</param>
    /// <param name="variant">How this library ran it..</param>
    /// <param name="ours">A reply for each round.</param>
    /// <param name="peers">The seconds of each round, by peer.</param>
    public static BenchRow Of(
        BenchCase measured, OwnVariant variant, IReadOnlyList<BenchReply> ours, IReadOnlyDictionary<string, IReadOnlyList<double>> peers)
    {
        var seconds = ours.Select(reply => reply.Seconds).ToList();
        var median = Statistics.Median(seconds);
        var factor = measured.Operation.BusFactor(measured.World);
        // Peers send elements as they lie in memory.
        var comparison = variant.Codec == BenchConfiguration.NoCodec ? Comparison.Of(variant.Link, measured.Bytes, seconds, peers) : null;
        return new BenchRow
        {
            Operation = measured.Operation.Name,
            World = measured.World,
            Bytes = measured.Bytes,
            Type = measured.Type.Name(),
            Link = variant.Link,
            Codec = variant.Codec,
            InPlace = measured.InPlace,
            Commit = variant.Commit,
            CongestionControl = Benchmarks.CongestionControl.InEffect(variant.CongestionControl),
            Algorithm = variant.Algorithm,
            Pinned = measured.IsPinned,
            Rounds = ours.Count,
            Iterations = measured.Iterations,
            MedianSeconds = median,
            MinSeconds = seconds.Min(),
            MaxSeconds = seconds.Max(),
            BusBandwidth = factor * measured.Bytes / median,
            AllocatedBytes = ours[^1].AllocatedBytes,
            CpuSecondsPerOperation = Statistics.Median(ours.Select(reply => reply.CpuSeconds)),
            Peers = peers.Count == 0 ? null : peers.ToDictionary(p => p.Key, p => PeerResult.Of(p.Value, factor * measured.Bytes)),
            BestPeer = comparison?.BestPeer,
            RatioToBestPeer = comparison?.Bandwidth?.Median,
            LatencyRatio = comparison?.Latency?.Median,
            RatioMin = (comparison?.Bandwidth ?? comparison?.Latency)?.Smallest,
            RatioMax = (comparison?.Bandwidth ?? comparison?.Latency)?.Largest,
            Program = ProgramVersion.WithCommit,
            Machine = MachineText.Text,
        };
    }
}

/// <summary>What a peer took for the same.</summary>
internal sealed record PeerResult(double MedianSeconds, double MinSeconds, double MaxSeconds, double BusBandwidth)
{
    public static PeerResult Of(IReadOnlyList<double> seconds, double busBytes)
    {
        var median = Statistics.Median(seconds);
        return new(median, seconds.Min(), seconds.Max(), busBytes / median);
    }
}
