using System.Globalization;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Benchmarks.Peers;

/// <summary>torch.distributed over Gloo.</summary>
internal sealed record TorchPeer() : BenchPeer(Family)
{
    public const string Family = "torch";

    private const string Packages = "python3-torch";
    private const string Source = "torch_peer.py";
    private const string Test = "import torch.distributed as d; assert d.is_available()";

    private string? _python;

    /// <inheritdoc />
    protected override IReadOnlyList<string> Operations { get; } =
        ["all-reduce", "broadcast", "reduce", "all-gather", "scatter", "gather", "send-receive", "barrier"];

    /// <inheritdoc />
    public override async Task PrepareAsync(PeerPrograms programs, string folder, TimeProvider time, CancellationToken cancellationToken)
    {
        // The first Python of the PATH may be one that knows no torch.
        foreach (var python in programs.All("python3"))
        {
            if (await ShortProgram.FailureAsync(python, ["-c", Test], folder, time, cancellationToken) is null)
            {
                _python = python;
                await WriteSourceAsync(Source, folder, cancellationToken);
                return;
            }
        }
        throw PeerPrograms.Missing("no python3 in the PATH has torch.distributed", Family, Packages);
    }

    /// <inheritdoc />
    public override ProcessSetPlan Plan(int world, PeerPrograms programs, string folder)
    {
        var meeting = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Name}-{world}"));
        return new ProcessSetPlan(Name, world, [.. Enumerable.Range(0, world).Select(rank => new WorkerCommand(
            _python ?? throw new InvalidOperationException("the peer was not prepared"),
            [Path.Combine(folder, Source), rank.ToString(CultureInfo.InvariantCulture), world.ToString(CultureInfo.InvariantCulture), meeting],
            KeepInput: true))]);
    }
}
