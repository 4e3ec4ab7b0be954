using System.Globalization;

namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>Rows as lines of text: each way of this library, and below it the peers.</summary>
internal static class BenchTable
{
    /// <summary>The line above the rows.</summary>
    public static string Heading { get; } =
        Line("operation", "ranks", "size", "what", "median", "smallest..largest", "bus GB/s", "beside the best peer, by round");

    /// <summary>The lines of what was measured by turns.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<BenchRow> rows)
    {
        foreach (var row in rows)
        {
            yield return Line(row, What(row), row.MedianSeconds, row.MinSeconds, row.MaxSeconds, row.BusBandwidth, Beside(row));
        }
        foreach (var (name, peer) in rows[0].Peers ?? new Dictionary<string, PeerResult>())
        {
            yield return Line(rows[0], name, peer.MedianSeconds, peer.MinSeconds, peer.MaxSeconds, peer.BusBandwidth, "");
        }
    }

    /// <summary>What tells a row of this library from its neighbours.</summary>
    public static string What(BenchRow row)
    {
        string?[] parts =
        [
            row.Link,
            row.Link == BenchConfiguration.Tcp && row.CongestionControl == BenchConfiguration.System ? "system's congestion control" : null,
            row.InPlace && row.Bytes > 0 ? "in place" : null,
            row.Type == "f32" || row.Bytes == 0 ? null : row.Type,
            row.Codec == BenchConfiguration.NoCodec ? null : row.Codec,
            row.Commit == "barrier" ? null : row.Commit,
            row.Algorithm == BenchConfiguration.Auto ? null : row.Algorithm,
        ];
        return string.Join(", ", parts.OfType<string>());
    }

    private static string Beside(BenchRow row) => row switch
    {
        { RatioToBestPeer: { } ratio } => string.Create(
            CultureInfo.InvariantCulture, $"{ratio:0.00} times the bandwidth of {row.BestPeer} ({row.RatioMin:0.00}..{row.RatioMax:0.00})"),
        { LatencyRatio: { } ratio } => string.Create(
            CultureInfo.InvariantCulture, $"{ratio:0.00} times the time of {row.BestPeer} ({row.RatioMin:0.00}..{row.RatioMax:0.00})"),
        _ => "",
    };

    private static string Line(BenchRow row, string what, double median, double smallest, double largest, double bandwidth, string beside) => Line(
        row.Operation,
        row.World.ToString(CultureInfo.InvariantCulture),
        row.Bytes == 0 ? "" : ByteSize.Text(row.Bytes),
        what,
        Time(median),
        $"{Time(smallest)}..{Time(largest)}",
        row.Bytes == 0 ? "" : (bandwidth / 1e9).ToString("0.000", CultureInfo.InvariantCulture),
        beside);

    private static string Line(
        string operation, string world, string size, string what, string median, string spread, string bandwidth, string beside) =>
        $"{operation,-14} {world,5}  {size,-10} {what,-34} {median,9}  {spread,-21} {bandwidth,9}  {beside}".TrimEnd();

    private static string Time(double seconds) => seconds switch
    {
        < 1e-3 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1e6:0.0} us"),
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1e3:0.0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.00} s"),
    };
}
