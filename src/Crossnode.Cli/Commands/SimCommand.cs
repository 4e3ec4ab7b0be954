using System.CommandLine;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Output;
using Crossnode.Protocol;
using Crossnode.Simulation;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode sim: whole clusters from seeds, in virtual time, with faults; exit code 1 on a violation.</summary>
internal static class SimCommand
{
    public static Command Create(CommandContext context)
    {
        var command = new Command("sim", "Simulate whole clusters with faults from seeds, and check what the protocol promises.");
        var seeds = new Option<long>("--seeds") { Description = "how many seeds", DefaultValueFactory = _ => 1000 };
        var first = new Option<long>("--first-seed") { Description = "the first seed", DefaultValueFactory = _ => 1 };
        var without = new Option<string[]>("--without")
        {
            Description = "switch a protocol rule off (R1 to R20), to see what it prevents",
            HelpName = "RULE",
            AllowMultipleArgumentsPerToken = true,
        };
        var coverage = new Option<bool>("--coverage") { Description = "list how often every state and abort phase was met" };
        var json = CommonOptions.Json();
        command.Add(seeds);
        command.Add(first);
        command.Add(without);
        command.Add(coverage);
        command.Add(json);
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(
            context,
            parsed.GetValue(seeds),
            parsed.GetValue(first),
            Rules(parsed.GetValue(without) ?? []),
            parsed.GetValue(coverage),
            parsed.GetValue(json),
            cancellation)));
        return command;
    }

    private static int Run(
        CommandContext context, long seeds, long first, ProtocolRules rules, bool coverage, bool json, CancellationToken cancellation)
    {
        if (seeds < 1 || first < 0)
        {
            throw new UsageException($"--seeds is {seeds} and --first-seed {first}: take at least one seed, and a first one of 0 or more.");
        }

        var people = json ? context.Streams.Error : context.Streams.Out;
        people.WriteLine($"simulating {seeds} seeds from {first}, each twice ...");
        var options = new CampaignOptions
        {
            FirstSeed = first,
            Seeds = seeds,
            Rules = rules,
            Failed = failure => Report(people, json ? context.Streams.Out : null, failure, rules),
        };
        var result = SimulationCampaign.Run(options, cancellation);
        if (coverage)
        {
            people.Write(SimulationReport.Table(result.Coverage));
        }

        people.WriteLine(SimulationReport.Summarize(result));
        if (json)
        {
            context.Streams.Out.WriteLine(JsonLines.Write(new SimSummaryLine(
                "summary", result.Seeds, result.Failures.Count, Math.Round(result.SimulatedSecondsPerCpuSecond, 1))));
        }

        return result.Failures.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static void Report(TextWriter people, TextWriter? machines, SimulationResult failure, ProtocolRules rules)
    {
        lock (people)
        {
            people.WriteLine(SimulationReport.Describe(failure, rules));
            machines?.WriteLine(JsonLines.Write(new SimViolationLine(
                "violation", failure.Seed, [.. failure.Violations.Select(violation => violation.ToString())], SimulationReport.Repro(failure.Seed, rules))));
        }
    }

    private static ProtocolRules Rules(string[] without)
    {
        var rules = ProtocolRules.All;
        foreach (var name in without)
        {
            if (!Enum.TryParse<ProtocolRules>(name, ignoreCase: true, out var rule) || !Enum.IsDefined(rule)
                || rule is ProtocolRules.None or ProtocolRules.All)
            {
                var known = Enum.GetNames<ProtocolRules>().Where(known => known is not ("None" or "All"));
                throw new UsageException($"--without {name}: there is no such rule{Spelling.DidYouMean(name, known)} Rules are {string.Join(", ", known)}.");
            }

            rules &= ~rule;
        }

        return rules;
    }

    private sealed record SimSummaryLine(string Kind, long Seeds, int Violations, double SimulatedSecondsPerCpuSecond);

    private sealed record SimViolationLine(string Kind, long Seed, string[] Violations, string Repro);
}
