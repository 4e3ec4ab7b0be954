using Crossnode.Collectives;

namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>Algorithms by the names that people type.</summary>
internal static class BenchAlgorithms
{
    private static readonly (string Name, Algorithm Algorithm)[] All =
    [
        (BenchConfiguration.Auto, Algorithm.Auto),
        ("ring", Algorithm.Ring),
        ("halving-doubling", Algorithm.HalvingDoubling),
        ("exchange", Algorithm.Exchange),
        ("tree", Algorithm.Tree),
        ("direct", Algorithm.Direct),
    ];

    /// <summary>The names, the default one first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(one => one.Name)];

    /// <summary>The algorithm of a name that is one of <see cref="Names"/>.</summary>
    public static Algorithm Named(string name) => All.First(one => one.Name == name).Algorithm;
}
