namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>What several measurements of one thing come to.</summary>
internal static class Statistics
{
    /// <summary>The value in the middle; of an even number, the mean of the two there.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        var middle = sorted.Count / 2;
        return sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}

/// <summary>The middle of several ratios, and how far they spread.</summary>
internal readonly record struct Spread(double Median, double Smallest, double Largest)
{
    /// <summary>Of the ratios of rounds: each compares what was measured side by side.</summary>
    public static Spread OfRatios(IReadOnlyList<double> over, IReadOnlyList<double> under)
    {
        var ratios = over.Zip(under, (a, b) => a / b).ToList();
        return new(Statistics.Median(ratios), ratios.Min(), ratios.Max());
    }
}
