using System.CommandLine;
using Crossnode.Cli.Benchmarks;
using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Cli.Benchmarks.Results;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Cli.Output;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode bench: times operations between processes of this machine, beside other programs by turns.</summary>
internal static class BenchCommand
{
    public static Command Create(CommandContext context)
    {
        var command = new Command("bench", "Time operations between processes of this machine, beside Open MPI and torch.distributed by turns.");
        var operation = new Argument<string>("OPERATION")
        {
            Description = $"what to measure: {string.Join(", ", BenchOperation.All.Select(o => o.Name))} [all-reduce]",
            Arity = ArgumentArity.ZeroOrOne,
        };
        command.Add(operation);
        var flags = CommonOptions.Of(BenchConfiguration.Settings, new BenchConfiguration());
        foreach (var (_, option) in flags)
        {
            command.Add(option);
        }
        var json = CommonOptions.Json();
        command.Add(json);
        command.SetAction(async (parsed, _) =>
        {
            var configuration = flags.Apply(parsed, new BenchConfiguration());
            var name = parsed.GetValue(operation) ?? configuration.Operation;
            if (name.StartsWith('-'))
            {
                throw new UsageException(
                    $"crossnode bench has no flag {name}{Spelling.DidYouMean(name, command.Options.Select(o => o.Name))} crossnode bench --help lists them all.");
            }
            configuration = configuration with
            {
                Operation = name,
                HasExtras = !flags.Given(parsed).Intersect(["sizes", "worlds"]).Any(),
            };
            return await RunAsync(context, configuration, parsed.GetValue(json));
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, BenchConfiguration configuration, bool json)
    {
        var cases = BenchPlan.Of(configuration, BenchMachine.Here());
        var results = new BenchResults(configuration);
        var run = new BenchRun(configuration.Rounds, context.Clock.Time);
        using var stop = new CancellationTokenSource();
        // Ending takes seconds at most, so there is nothing to insist on.
        using var stops = new StopRequests(_ => stop.Cancel(), () => { }, context.Clock.Time);
        try
        {
            using var narrator = new Narrator(context.Streams.Error.WriteLine, () => run.Status, context.Clock);
            narrator.Say($"{MachineText.Text}; crossnode {ProgramVersion.WithCommit}");
            await run.RunAsync(
                cases,
                rows =>
                {
                    results.Add(rows);
                    narrator.Say(FormattableString.Invariant($"{results.Count} of {cases.Count}: {cases[results.Count - 1].Text} with {rows[0].World} processes"));
                    if (json)
                    {
                        rows.ToList().ForEach(row => context.Streams.Out.WriteLine(JsonLines.Write(row)));
                        context.Streams.Out.Flush();
                    }
                },
                narrator.Say,
                stop.Token);
        }
        finally
        {
            // What was measured before something went wrong is worth as much.
            results.Write(json ? context.Streams.Error : context.Streams.Out);
        }
        return ExitCodes.Success;
    }
}
