using Crossnode.Cli.Commands;
using Crossnode.Cli.Launching;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>Starts processes of this library, with a coordinator in this one.</summary>
internal static class OwnProcesses
{
    /// <summary>Plans the processes for one link and congestion control.</summary>
    public static ProcessSetPlan Plan(int world, OwnVariant variant, TimeProvider time)
    {
        var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = world,
                Run = RunId.Create(new SystemRandomSource()),
                EvictAfter = BenchWorker.EvictAfter,
                Time = time,
            },
            new TcpTransport());
        return new ProcessSetPlan(
            Name(variant), world, [.. Enumerable.Repeat(WorkerCommand.Self(WorkerBenchCommand.Name), world)])
        {
            FirstLines =
            [
                .. Enumerable.Range(0, world).Select(rank => new BenchWorkerPlan(
                    coordinator.Address, coordinator.Run.ToString(), rank, variant.Link, variant.CongestionControl).ToLine()),
            ],
            Release = coordinator.Dispose,
        };
    }

    private static string Name(OwnVariant variant) =>
        $"crossnode over {variant.Link}{(variant.Link == BenchConfiguration.Tcp && variant.CongestionControl == BenchConfiguration.System ? " with the system's congestion control" : "")}";
}
