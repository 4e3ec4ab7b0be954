using System.CommandLine;
using System.Globalization;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Output;
using Crossnode.Protocol;
using Crossnode.Simulation;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode sim: drives the protocol's state machines through random faults in virtual time.</summary>
internal static class SimCommand
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(3);

    private static readonly IReadOnlyList<string> RuleNames =
        [.. Enum.GetNames<ProtocolRules>().Where(static name => name.StartsWith('R')).OrderBy(static name => int.Parse(name.AsSpan(1), CultureInfo.InvariantCulture))];

    public static Command Create(CommandContext context)
    {
        var command = new Command("sim", "Drive the protocol through random crashes, partitions and delays in virtual time; exit code 1 when it breaks a promise.");
        var seeds = new Option<string>("--seeds") { Description = "how many schedules [1000]", HelpName = "N" };
        var first = new Option<string>("--first-seed") { Description = "the first of them [0]", HelpName = "S" };
        var without = new Option<string[]>("--without")
        {
            Description = $"switch rules of the protocol off, to see what they are for: {string.Join(", ", RuleNames)}",
            HelpName = "RULES",
            AllowMultipleArgumentsPerToken = true,
        };
        var once = new Option<bool>("--once") { Description = "run each seed once; else twice, and both must leave the same trace" };
        var coverage = new Option<bool>("--coverage") { Description = "print how often each state of the protocol was met" };
        var json = CommonOptions.Json();
        foreach (var option in (Option[])[seeds, first, without, once, coverage, json])
        {
            command.Add(option);
        }
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(context, new CampaignOptions
        {
            Seeds = Number("--seeds", parsed.GetValue(seeds), 1000, smallest: 1),
            FirstSeed = Number("--first-seed", parsed.GetValue(first), 0, smallest: 0),
            Rules = Rules(parsed.GetValue(without) ?? []),
            RunTwice = !parsed.GetValue(once),
        }, parsed.GetValue(without) ?? [], parsed.GetValue(coverage), parsed.GetValue(json), cancellation), cancellation));
        return command;
    }

    internal static ProtocolRules Rules(IEnumerable<string> without)
    {
        var rules = ProtocolRules.All;
        foreach (var name in without.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries)))
        {
            rules &= RuleNames.Contains(name)
                ? ~Enum.Parse<ProtocolRules>(name)
                : throw new UsageException($"--without knows no rule '{name}'{Spelling.DidYouMean(name, RuleNames)} There are {string.Join(", ", RuleNames)}.");
        }
        return rules;
    }

    private static long Number(string flag, string? text, long otherwise, long smallest) =>
        text is null ? otherwise
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= smallest ? number
        : throw new UsageException($"{flag} must be a whole number of at least {smallest}, not '{text}'.");

    private static int Run(
        CommandContext context, CampaignOptions options, string[] without, bool showCoverage, bool json, CancellationToken cancellation)
    {
        var people = json ? context.Streams.Error : context.Streams.Out;
        var gate = new Lock();
        people.WriteLine($"simulating seeds {options.FirstSeed} to {options.FirstSeed + options.Seeds - 1}{(without.Length > 0 ? $" without {string.Join(", ", without)}" : "")} ...");
        using var beat = context.Clock.Time.CreateTimer(
            _ =>
            {
                lock (gate)
                {
                    people.WriteLine(FormattableString.Invariant($"{context.Clock.Elapsed.TotalSeconds:0} s ..."));
                }
            },
            null,
            Beat,
            Beat);
        var result = SimulationCampaign.Run(
            options with
            {
                Clock = context.Clock.Time,
                Failed = failed =>
                {
                    lock (gate)
                    {
                        Report(context, failed, options.Rules, people, json);
                    }
                },
            },
            cancellation);
        lock (gate)
        {
            if (showCoverage)
            {
                people.Write(SimulationReport.Table(result.Coverage));
            }
            var violations = result.Failures.Count;
            people.WriteLine(SimulationReport.Summarize(result));
            if (json)
            {
                context.Streams.Out.WriteLine(JsonLines.Write(new SimulationSummaryLine(
                    "summary", result.Seeds, violations, double.IsFinite(result.SimulatedSecondsPerCpuSecond) ? result.SimulatedSecondsPerCpuSecond : 0)));
            }
            return violations == 0 ? ExitCodes.Success : ExitCodes.Failure;
        }
    }

    private static void Report(CommandContext context, SimulationResult failed, ProtocolRules rules, TextWriter people, bool json)
    {
        people.WriteLine(SimulationReport.Describe(failed, rules));
        if (json)
        {
            foreach (var violation in failed.Violations)
            {
                context.Streams.Out.WriteLine(JsonLines.Write(new ViolationLine("violation", failed.Seed, violation.Invariant, violation.Text)));
            }
        }
    }
}

/// <summary>A promise that was broken under one seed.</summary>
internal sealed record ViolationLine(string Kind, long Seed, string Invariant, string Text);

/// <summary>The last line: violations counts the seeds that had any.</summary>
internal sealed record SimulationSummaryLine(string Kind, long Seeds, int Violations, double SimulatedSecondsPerCpuSecond);
