using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Peers;

/// <summary>A program of others that runs the same operations.</summary>
internal abstract record BenchPeer(string Name)
{
    private static readonly ElementType[] Types = [ElementType.Float32, ElementType.Float64];

    /// <summary>The names of the operations that its program has.</summary>
    protected abstract IReadOnlyList<string> Operations { get; }

    /// <summary>Whether it can run an operation.</summary>
    public bool Can(BenchOperation operation, ElementType type) => Operations.Contains(operation.Name) && Types.Contains(type);

    /// <summary>Makes sure that it can be started here, and writes what it needs to the folder.</summary>
    /// <exception cref="UsageException">Something is missing.</exception>
    public abstract Task PrepareAsync(PeerPrograms programs, string folder, TimeProvider time, CancellationToken cancellationToken);

    /// <summary>How its processes are started.</summary>
    public abstract ProcessSetPlan Plan(int world, PeerPrograms programs, string folder);

    /// <summary>Writes a source that this program carries to the folder.</summary>
    protected static async Task<string> WriteSourceAsync(string name, string folder, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, name);
        await using var source = typeof(BenchPeer).Assembly.GetManifestResourceStream($"Crossnode.Cli.Benchmarks.Peers.Sources.{name}")
            ?? throw new InvalidOperationException($"{name} is missing from this build");
        await using var file = File.Create(path);
        await source.CopyToAsync(file, cancellationToken);
        return path;
    }
}

/// <summary>The peers, as --peers names them.</summary>
internal static class BenchPeers
{
    private static readonly (string Family, BenchPeer[] Peers)[] All =
    [
        (MpiPeer.Family, [MpiPeer.OverTcp, MpiPeer.OverSharedMemory]),
        (TorchPeer.Family, [new TorchPeer()]),
    ];

    /// <summary>What --peers takes.</summary>
    public static IEnumerable<string> Families => All.Select(entry => entry.Family);

    /// <summary>The peers of some families.</summary>
    public static IReadOnlyList<BenchPeer> Named(IReadOnlyList<string> families) =>
        [.. All.Where(entry => families.Contains(entry.Family)).SelectMany(entry => entry.Peers)];
}
