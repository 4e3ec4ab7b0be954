namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>A row of this library beside the fastest peer that its link may be compared with.</summary>
/// <param name="BestPeer">The peer with the smallest median.</param>
/// <param name="Bandwidth">Our bandwidth by the peer's; from <see cref="BenchPlan.SmallestLarge"/> on.</param>
/// <param name="Latency">Our time by the peer's; below that.</param>
internal sealed record Comparison(string BestPeer, Spread? Bandwidth, Spread? Latency)
{
    /// <summary>Peers that use what the link uses: sockets are not compared with shared memory.</summary>
    private static readonly Dictionary<string, string[]> Comparable = new()
    {
        ["tcp"] = ["mpi-tcp", "torch"],
        ["shared-memory"] = ["mpi-shm"],
    };

    /// <summary>Compares the seconds of rounds; null where no peer is comparable.</summary>
    public static Comparison? Of(string link, long bytes, IReadOnlyList<double> ours, IReadOnlyDictionary<string, IReadOnlyList<double>> peers)
    {
        var best = peers.Where(peer => Comparable[link].Contains(peer.Key)).OrderBy(peer => Statistics.Median(peer.Value)).Select(p => p.Key).FirstOrDefault();
        return best is null ? null
            : bytes >= BenchPlan.SmallestLarge ? new(best, Spread.OfRatios(peers[best], ours), null)
            : new(best, null, Spread.OfRatios(ours, peers[best]));
    }
}
