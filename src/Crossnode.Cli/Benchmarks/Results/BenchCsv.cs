using System.Globalization;

namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>Rows as comma-separated values, with a row of its own for each peer.</summary>
internal static class BenchCsv
{
    private const string Heading =
        "operation,world,bytes,type,link,codec,inPlace,commit,congestionControl,peer,medianSeconds,minSeconds,maxSeconds,busBandwidth,ratioToBestPeer,latencyRatio";

    /// <summary>The whole file; rows of one group were measured by turns, beside the same peers.</summary>
    public static IEnumerable<string> Lines(IEnumerable<IReadOnlyList<BenchRow>> groups)
    {
        yield return Heading;
        foreach (var group in groups)
        {
            foreach (var row in group)
            {
                yield return Line(
                    row.Operation, row.World, row.Bytes, row.Type, row.Link, row.Codec, Flag(row.InPlace), row.Commit, row.CongestionControl, null,
                    row.MedianSeconds, row.MinSeconds, row.MaxSeconds, row.BusBandwidth, row.RatioToBestPeer, row.LatencyRatio);
            }
            foreach (var (name, peer) in group[0].Peers ?? new Dictionary<string, PeerResult>())
            {
                var row = group[0];
                yield return Line(
                    row.Operation, row.World, row.Bytes, row.Type, null, null, Flag(row.InPlace), null, null, name,
                    peer.MedianSeconds, peer.MinSeconds, peer.MaxSeconds, peer.BusBandwidth, null, null);
            }
        }
    }

    private static string Flag(bool value) => value ? "true" : "false";

    private static string Line(params object?[] cells) =>
        string.Join(',', cells.Select(cell => Convert.ToString(cell, CultureInfo.InvariantCulture)));
}
