using System.CommandLine;
using Crossnode.Cli.Benchmarks.Processes;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode worker-bench: what crossnode bench starts; of no use to people, so the help does not list it.</summary>
internal static class WorkerBenchCommand
{
    public const string Name = "worker-bench";

    public static Command Create()
    {
        var command = new Command(Name, "A worker of crossnode bench.") { Hidden = true };
        command.SetAction(_ =>
        {
            BenchWorker.Run(Console.In, Console.Out);
            return ExitCodes.Success;
        });
        return command;
    }
}
