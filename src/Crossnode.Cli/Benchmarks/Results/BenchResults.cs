using Crossnode.Cli.Figures;

namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>All rows of a benchmark, and the files that they go to.</summary>
internal sealed class BenchResults
{
    private readonly BenchConfiguration _configuration;
    private readonly List<IReadOnlyList<BenchRow>> _groups = [];

    /// <exception cref="UsageException">A file cannot be written, which is better known before than after.</exception>
    public BenchResults(BenchConfiguration configuration)
    {
        _configuration = configuration;
        if (configuration.Figure.Length > 0 && Path.GetExtension(configuration.Figure).ToLowerInvariant() is not (".svg" or ".png"))
        {
            throw new UsageException($"--figure must name a file that ends with .svg or .png, not '{configuration.Figure}'.");
        }
        RequireFolder("--csv", configuration.Csv);
        RequireFolder("--figure", configuration.Figure);
    }

    /// <summary>How many groups there are.</summary>
    public int Count => _groups.Count;

    /// <summary>Takes the rows of what was measured by turns.</summary>
    public void Add(IReadOnlyList<BenchRow> rows) => _groups.Add(rows);

    /// <summary>Writes the table and the files; nothing where nothing was measured.</summary>
    public void Write(TextWriter people)
    {
        if (_groups.Count == 0)
        {
            return;
        }
        people.WriteLine(BenchTable.Heading);
        foreach (var line in _groups.SelectMany(BenchTable.Lines))
        {
            people.WriteLine(line);
        }
        if (_configuration.Csv.Length > 0)
        {
            File.WriteAllLines(_configuration.Csv, BenchCsv.Lines(_groups));
        }
        if (_configuration.Figure.Length > 0 && Curves() is { Count: > 0 } curves)
        {
            BandwidthFigure.Save($"{_configuration.Operation}, {_configuration.Rounds} rounds", curves, _configuration.Figure);
        }
    }

    private List<BandwidthFigure.Curve> Curves()
    {
        var ours =
            from row in _groups.SelectMany(rows => rows)
            select (Name: $"{BenchTable.What(row)}, {row.World} processes", IsPeer: false, row.Bytes, row.BusBandwidth);
        // Out of place where both were measured: a size is one point of a peer's line.
        var peers =
            from row in _groups.Select(rows => rows[0])
            where !row.InPlace || _groups.TrueForAll(rows => rows[0].InPlace)
            from peer in row.Peers ?? new Dictionary<string, PeerResult>()
            select (Name: $"{peer.Key}, {row.World} processes", IsPeer: true, row.Bytes, peer.Value.BusBandwidth);
        return
        [
            .. from point in ours.Concat(peers)
               where point.Bytes > 0
               group (point.Bytes, point.BusBandwidth) by (point.Name, point.IsPeer) into curve
               select new BandwidthFigure.Curve(curve.Key.Name, curve.Key.IsPeer, [.. curve]),
        ];
    }

    private static void RequireFolder(string flag, string file)
    {
        if (file.Length > 0 && (Path.GetDirectoryName(Path.GetFullPath(file)) is not { } folder || !Directory.Exists(folder) || Directory.Exists(file)))
        {
            throw new UsageException($"{flag} {file} cannot be written: it is a folder, or lies in one that does not exist.");
        }
    }
}
