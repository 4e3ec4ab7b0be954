using System.CommandLine;
using System.Globalization;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Cli.Training;
using Microsoft.Extensions.Logging;

namespace Crossnode.Cli.Commands;

/// <summary>crossnode join: takes part in a training run that somebody else began.</summary>
internal static class JoinCommand
{
    public const string Name = "join";

    private const double UsualWait = 60;

    // Of the settings of train those that each machine decides for itself; the coordinator is an argument here.
    private static readonly IReadOnlyList<Setting<TrainConfiguration>> Settings =
        [.. TrainSettings.All.Where(setting => TrainSettings.OfOneMachine.Contains(setting.Key) && setting.Key is not ("coordinator" or "resume"))];

    public static Command Create(CommandContext context)
    {
        var command = new Command(Name, "Take part in a training run that has begun, here or on another machine: crossnode join HOST:PORT --run ID.");
        var coordinator = new Argument<string>("HOST:PORT") { Description = "where the run's coordinator listens, as it printed it" };
        command.Add(coordinator);
        var defaults = new TrainConfiguration { Workers = 1 };
        var flags = CommonOptions.Of(Settings, defaults);
        foreach (var (_, option) in flags)
        {
            command.Add(option);
        }
        flags.Single(flag => flag.Setting.Key == "listen").Option.Description = NetworkTexts.ListenOfJoiner;
        var fromRun = new Option<bool>("--data-from-run") { Description = "take the run's data from its members, where they are not here" };
        command.Add(fromRun);
        var wait = new Option<string>("--wait-seconds") { Description = $"how long to wait for somebody to begin the run [{UsualWait}]", HelpName = "X" };
        var json = CommonOptions.Json();
        var plain = new Option<bool>("--plain") { Description = "print lines where a table would be drawn" };
        command.Add(wait);
        command.Add(json);
        command.Add(plain);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var own = flags.Apply(parsed, defaults) with { Coordinator = parsed.GetValue(coordinator)! };
            var takesData = parsed.GetValue(fromRun);
            var (_, remote) = own.Network();
            if (takesData && own.Data.Count > 0)
            {
                throw new UsageException("--data names files that are here, and --data-from-run takes those of the run: give one of them.");
            }
            DataFlag.Check(own.Data);
            var patience = Patience(parsed.GetValue(wait));
            var people = parsed.GetValue(json) ? context.Streams.Error : context.Streams.Out;
            var status = await RunDoor.WaitForCharterAsync(
                remote!,
                patience,
                mustHaveMembers: takesData,
                // Workers may be members before their launcher has read the corpus and says what they train.
                status => people.WriteLine(status is { HasStarted: true, Charter.IsEmpty: true }
                    ? $"crossnode: run {remote!.Run} has members, but nobody has said what they train; waiting for that up to {patience.TotalSeconds:0} s"
                    : $"crossnode: run {remote!.Run} has not begun; waiting for it up to {patience.TotalSeconds:0} s"),
                context.Clock.Time,
                cancellationToken);
            var charter = RunCharter.Parse(status.Charter.Span, own);
            var c = charter.Configuration;
            if (c.Strategy == StrategyChoice.DiLoCo && status.Members + c.Workers > c.MicroBatchesPerStep)
            {
                throw new UsageException(
                    $"the run deals {c.MicroBatchesPerStep} micro-batches a step among {status.Members} members: {c.Workers} more would be averaged without learning anything, as DiLoCo averages all. Begin a run with more --micro-batches-per-step.");
            }
            using var logs = CommandContext.CreateLogs(CommonOptions.LogLevel(parsed));
            return await TrainingLaunch.RunAsync(
                context, charter.Configuration, new JoinedRun(charter, takesData), resumed: null, parsed.GetValue(json), parsed.GetValue(plain),
                parsed.GetValue(CommonOptions.Verbose), logs.CreateLogger("Crossnode.Coordinator"));
        });
        return command;
    }

    private static TimeSpan Patience(string? text) =>
        text is null ? TimeSpan.FromSeconds(UsualWait)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0 and <= 86_400 ? TimeSpan.FromSeconds(seconds)
        : throw new UsageException($"--wait-seconds must be a number from 0 to 86400, not '{text}'.");
}
