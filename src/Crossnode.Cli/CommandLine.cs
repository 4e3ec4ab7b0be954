using System.CommandLine;
using Crossnode.Cli.Commands;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Output;
using Crossnode.Core.Errors;

namespace Crossnode.Cli;

/// <summary>From arguments to an exit code. Every failure becomes one sentence on standard error.</summary>
internal static class CommandLine
{
    private const string Dashes = "--";
    private const string HelpHint = "crossnode --help lists the commands.";

    public static async Task<int> RunAsync(string[] arguments, CliStreams streams, ProgramClock clock)
    {
        // What follows the dashes belongs to somebody else's program, whatever it looks like.
        var dashes = Array.IndexOf(arguments, Dashes);
        var own = dashes < 0 ? arguments : arguments[..dashes];
        var context = new CommandContext(streams, clock, dashes < 0 ? null : arguments[(dashes + 1)..]);
        var root = CreateRoot(context);
        var parsed = root.Parse(own.Length == 0 ? ["--help"] : own);
        try
        {
            if (parsed.Errors.Count > 0)
            {
                throw new UsageException(Describe(parsed, root, own));
            }
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = streams.Out,
                Error = streams.Error,
            });
        }
        catch (UsageException exception)
        {
            streams.Error.WriteLine($"crossnode: {exception.Message}");
            return ExitCodes.Usage;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception exception)
        {
            Report(exception, streams, parsed.GetValue(CommonOptions.Verbose));
            return ExitCodes.Failure;
        }
    }

    private static RootCommand CreateRoot(CommandContext context)
    {
        var root = new RootCommand("Trains models on several processes and machines, and goes on when one of them dies.");
        root.Add(CommonOptions.Verbose);
        root.Add(TrainCommand.Create(context));
        root.Add(JoinCommand.Create(context));
        root.Add(RunCommand.Create(context));
        root.Add(CoordinatorCommand.Create(context));
        root.Add(SampleCommand.Create(context));
        root.Add(DataCommand.Create(context));
        root.Add(BenchCommand.Create(context));
        root.Add(SimCommand.Create(context));
        root.Add(VersionCommand.Create(context));
        root.Add(WorkerTrainCommand.Create());
        root.Add(WorkerBenchCommand.Create());
        return root;
    }

    private static void Report(Exception exception, CliStreams streams, bool verbose)
    {
        var isExpected = exception is CrossnodeException;
        streams.Error.WriteLine(isExpected
            ? $"crossnode: {exception.Message}"
            : $"crossnode: this should not have happened: {exception.Message} (--verbose shows where).");
        if (verbose)
        {
            streams.Error.WriteLine(exception.ToString());
        }
    }

    private static string Describe(ParseResult parsed, RootCommand root, string[] own)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens is [var token, ..])
        {
            var flags = command.Options.Concat(root.Options.Where(o => o.Recursive)).SelectMany(o => o.Aliases.Append(o.Name)).ToList();
            // A flag before it may have taken one that is unknown for its value.
            if (own.FirstOrDefault(word => word == token ? word.StartsWith('-') : word.StartsWith(Dashes, StringComparison.Ordinal) && !flags.Contains(word.Split('=', ':')[0])) is { } flag)
            {
                var where = command == root ? "crossnode" : $"crossnode {command.Name}";
                return command.Name == JoinCommand.Name && TrainSettings.All.Any(setting => setting.Flag == flag)
                    ? $"{where} has no flag {flag}, because whoever joins takes the run's configuration: give it to the crossnode train that begins the run."
                    : $"{where} has no flag {flag}{Spelling.DidYouMean(flag, flags)} {where} --help lists them all.";
            }
            return command == root
                ? $"There is no command '{token}'{Spelling.DidYouMean(token, root.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))} {HelpHint}"
                : command.Name == "run"
                    ? $"'{token}' stands where flags of crossnode run are expected: put two dashes before the program, as in crossnode run --workers 4 -- {token}."
                    : $"crossnode {command.Name} takes no argument '{token}': crossnode {command.Name} --help lists its flags.";
        }
        return parsed.Errors[0].Message;
    }
}
