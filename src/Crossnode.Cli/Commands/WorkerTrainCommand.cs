using System.CommandLine;
using Crossnode.Cli.Training;
using Crossnode.Core.Errors;
using Microsoft.Extensions.Logging;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode worker-train: what crossnode train starts; of no use to people, so the help does not list it.</summary>
internal static class WorkerTrainCommand
{
    public const string Name = "worker-train";

    public static Command Create()
    {
        var command = new Command(Name, "A worker of crossnode train.") { Hidden = true };
        command.SetAction(parsed =>
        {
            using var logs = CommandContext.CreateLogs(CommonOptions.LogLevel(parsed));
            try
            {
                TrainingWorker.Run(Console.In, logs.CreateLogger("Crossnode.Session"));
                return ExitCodes.Success;
            }
            catch (OperationCanceledException)
            {
                // Asked to stop before it took part: nobody waits for it.
                return ExitCodes.Success;
            }
            catch (MembershipException exception)
            {
                Console.Error.WriteLine($"crossnode: {exception.Message}");
                return ExitCodes.Evicted;
            }
        });
        return command;
    }
}
