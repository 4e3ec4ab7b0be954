using System.CommandLine;
using System.Net;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Coordinator;
using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;
using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Commands.CoordinatorConfiguration>;

namespace Crossnode.Cli.Commands;

/// <summary>What crossnode coordinator can be told.</summary>
internal sealed record CoordinatorConfiguration
{
    public string Run { get; init; } = "";

    public string Record { get; init; } = "runs/records";

    public bool TakeOver { get; init; }

    public bool Reconstruct { get; init; }

    public IReadOnlyList<string> Dead { get; init; } = [];

    public double EvictAfterSeconds { get; init; } = 10;

    public double StartTimeoutSeconds { get; init; } = 600;

    public string Listen { get; init; } = "";

    public string Advertise { get; init; } = "";

    public string Interface { get; init; } = "";

    public bool Insecure { get; init; }
}

/// <summary>crossnode coordinator: the coordinator of one run, as a process of its own.</summary>
internal static class CoordinatorCommand
{
    private static readonly IReadOnlyList<Setting> Settings =
    [
        Setting.Text("run", "a run that a coordinator before this one served, to go on with; without, a new one", "ID", c => c.Run, (c, v) => c with { Run = v }),
        Setting.Text("record", "folder for the record of the run, from which a coordinator that is started again goes on; '' keeps none", "FOLDER", c => c.Record, (c, v) => c with { Record = v }),
        Setting.Switch("takeOver", "depose a coordinator that still serves the run; members go on calling the HOST:PORT that they know, so this one must be reachable there", c => c.TakeOver, (c, v) => c with { TakeOver = v }),
        Setting.Switch("reconstruct", "make a lost record again from what all members hold", c => c.Reconstruct, (c, v) => c with { Reconstruct = v }),
        Setting.List("dead", "with --reconstruct: members that are dead for sure", "N", c => c.Dead, (c, v) => c with { Dead = v }),
        Setting.Real("evictAfterSeconds", "silence after which a member is put out of the run; signs of life come every second", 4, 86_400, c => c.EvictAfterSeconds, (c, v) => c with { EvictAfterSeconds = v }),
        Setting.Real("startTimeoutSeconds", "time in which the first members have to come, from the first one on", 1, 86_400, c => c.StartTimeoutSeconds, (c, v) => c with { StartTimeoutSeconds = v }),
        Setting.Text("listen", "address and port to listen on, or a range of ports; 127.0.0.1:0 by default", "ADDRESS:PORTS", c => c.Listen, (c, v) => c with { Listen = v }),
        Setting.Text("advertise", NetworkTexts.Advertise, "ADDRESS", c => c.Advertise, (c, v) => c with { Advertise = v }),
        Setting.Text("interface", NetworkTexts.Interface, "NAME", c => c.Interface, (c, v) => c with { Interface = v }),
        Setting.Switch("insecure", NetworkTexts.Insecure, c => c.Insecure, (c, v) => c with { Insecure = v }),
    ];

    public static Command Create(CommandContext context)
    {
        var command = new Command("coordinator", "Coordinate one run from a process of its own, and print the line that others paste to take part.");
        var flags = CommonOptions.Of(Settings, new CoordinatorConfiguration());
        foreach (var (_, option) in flags)
        {
            command.Add(option);
        }
        command.SetAction(async (parsed, _) =>
        {
            var configuration = flags.Apply(parsed, new CoordinatorConfiguration());
            using var logs = CommandContext.CreateLogs(CommonOptions.LogLevel(parsed));
            return await RunAsync(context, configuration, logs.CreateLogger("Crossnode.Coordinator"));
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, CoordinatorConfiguration c, ILogger logger)
    {
        var network = NetworkPlace.Parse(c.Listen, c.Interface, c.Advertise, c.Insecure, IPAddress.Loopback);
        var run = RunOf(c);
        var dead = DeadOf(c);
        var store = StoreOf(c, run);
        var ended = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Say(string text)
        {
            lock (ended)
            {
                context.Streams.Out.WriteLine(text);
                context.Streams.Out.Flush();
            }
        }
        using var coordinator = Listening(() => EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = 0,
                GivesFirstNumbers = true,
                Run = run,
                Store = store,
                Reconstruct = c.Reconstruct,
                DeclaredDead = dead,
                Host = network.Address!.ToString(),
                Ports = network.Ports,
                StartTimeout = TimeSpan.FromSeconds(c.StartTimeoutSeconds),
                EvictAfter = TimeSpan.FromSeconds(c.EvictAfterSeconds),
                Logger = logger,
                Time = context.Clock.Time,
            },
            new TcpTransport(new TcpOptions { AllowNonLoopback = network.Insecure }),
            news =>
            {
                if (Describe(news) is { } text)
                {
                    Say(text);
                }
                if (news.Kind is RunNewsKind.Finished or RunNewsKind.Failed)
                {
                    ended.TrySetResult(news.Kind == RunNewsKind.Finished ? ExitCodes.Success : ExitCodes.Failure);
                }
                else if (news.Kind == RunNewsKind.Deposed)
                {
                    ended.TrySetException(new MembershipException($"this coordinator of run {run} is deposed: {news.Text}."));
                }
            }));
        if (network.IsOpen)
        {
            Say(LaunchTexts.OpenToOthers(network));
        }
        var way = LaunchTexts.Way(network.Outside(IPEndPoint.Parse(coordinator.Address)), coordinator.Run, network.IsOpen);
        Say($"coordinator of run {coordinator.Run} at {coordinator.Address}, process {Environment.ProcessId}");
        if (store is not null)
        {
            Say($"should it die, start it again where it listened: crossnode coordinator {Again(c with { Run = $"{coordinator.Run}", Listen = coordinator.Address, Interface = "", TakeOver = false, Reconstruct = false, Dead = [] })}");
        }
        if (c.TakeOver)
        {
            Say($"members go on calling the HOST:PORT that they know: this coordinator must be reachable there, and is at {coordinator.Address}");
        }
        Say($"begin a training run:    crossnode train --coordinator {way}");
        Say($"or a program of yours:   crossnode run --coordinator {way} -- PROGRAM");
        Say($"on the next machine:     crossnode join {way}");
        using var stops = new StopRequests(_ => ended.TrySetResult(ExitCodes.Interrupted), () => Environment.Exit(ExitCodes.Interrupted), context.Clock.Time);
        return await ended.Task;
    }

    // All flags that are not as they would be without.
    private static string Again(CoordinatorConfiguration c)
    {
        var defaults = new CoordinatorConfiguration();
        return string.Join(' ', Settings
            .Select(setting => (setting, Value: setting.Read(c).ToJsonString().Trim('"')))
            .Where(flag => flag.Value != flag.setting.Read(defaults).ToJsonString().Trim('"') || flag.setting.Key == "record")
            .Select(flag => flag.setting.IsSwitch ? flag.setting.Flag : $"{flag.setting.Flag} {(flag.Value.Contains(' ', StringComparison.Ordinal) ? $"\"{flag.Value}\"" : flag.Value)}"));
    }

    private static RunId RunOf(CoordinatorConfiguration c)
    {
        if (c.Run.Length == 0)
        {
            return c.Reconstruct || c.TakeOver
                ? throw new UsageException("--reconstruct and --take-over are for a run that there is: name it with --run ID.")
                : RunId.Create(new SystemRandomSource());
        }
        return RunId.TryParse(c.Run, out var run)
            ? run
            : throw new UsageException($"--run must be the 32 hexadecimal digits that the coordinator printed, not '{c.Run}'.");
    }

    private static FileViewStore? StoreOf(CoordinatorConfiguration c, RunId run)
    {
        if (c.Record.Length == 0)
        {
            return c.Run.Length == 0
                ? null
                : throw new UsageException("--run goes on with a run from its record: name the folder with --record.");
        }
        var store = Opened(c, run);
        try
        {
            Check(store, c, run);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    private static FileViewStore Opened(CoordinatorConfiguration c, RunId run)
    {
        try
        {
            return FileViewStore.Open(c.Record, run, c.TakeOver);
        }
        catch (InputException unusable) when (unusable.InnerException is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{unusable.Message}; name another folder with --record.");
        }
    }

    private static void Check(FileViewStore store, CoordinatorConfiguration c, RunId run)
    {
        var record = store.Read();
        if (c.Run.Length > 0 && !c.Reconstruct && record is null)
        {
            throw new UsageException(
                $"the folder {c.Record} holds no record of run {run}: name its folder with --record; if the record is lost, --reconstruct makes it again from all members.");
        }
        if (record is { End.Length: > 0 })
        {
            throw new MembershipException($"run {run} is over: {record.End}. Start another one.");
        }
    }

    private static IReadOnlyList<MemberId> DeadOf(CoordinatorConfiguration c)
    {
        if (c is { Dead.Count: > 0, Reconstruct: false })
        {
            throw new UsageException("--dead is for a record that is made again: add --reconstruct.");
        }
        return
        [
            .. c.Dead.Select(text => uint.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
                ? new MemberId(number)
                : throw new UsageException($"--dead takes numbers of members, not '{text}'.")),
        ];
    }

    private static EmbeddedCoordinator Listening(Func<EmbeddedCoordinator> start)
    {
        try
        {
            return start();
        }
        catch (CrossnodeException exception)
        {
            throw exception is InputException ? new UsageException($"{exception.Message.TrimEnd('.')}.") : exception;
        }
    }

    private static string? Describe(RunNews news) => news.Kind switch
    {
        RunNewsKind.ViewAnnounced when news.Members is { Count: > 0 } members =>
            $"view {news.View.Epoch}: members {string.Join(", ", members.Select(member => member.Value))}{(news.Text is { Length: > 0 } why ? $" ({why})" : "")}",
        RunNewsKind.Notice or RunNewsKind.Trouble or RunNewsKind.Failed => news.Text,
        RunNewsKind.Finished => "all members have left; the run is over",
        _ => null,
    };
}
