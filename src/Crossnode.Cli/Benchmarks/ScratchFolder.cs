namespace Crossnode.Cli.Benchmarks;

/// <summary>A folder for what a benchmark needs while it runs.</summary>
internal sealed class ScratchFolder : IDisposable
{
    /// <summary>Where it is.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("crossnode-bench-").FullName;

    /// <inheritdoc />
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
