using System.CommandLine;
using System.Globalization;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Microsoft.Extensions.Logging;
using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Commands.RunConfiguration>;

namespace Crossnode.Cli.Commands;

/// <summary>What crossnode run can be told.</summary>
internal sealed record RunConfiguration
{
    public int Workers { get; init; } = 2;

    public double EvictAfterSeconds { get; init; } = 10;

    public double StartTimeoutSeconds { get; init; } = 600;

    public int Restarts { get; init; }

    public string Coordinator { get; init; } = "";

    public string Run { get; init; } = "";

    public string Listen { get; init; } = "";

    public string Advertise { get; init; } = "";

    public string Interface { get; init; } = "";

    public bool Insecure { get; init; }
}

/// <summary>crossnode run: starts a program of the user's several times, as the workers of one run.</summary>
internal static class RunCommand
{
    private static readonly IReadOnlyList<Setting> Settings =
    [
        Setting.Whole("workers", "worker processes on this machine", 1, LaunchOptions.MostWorkers, c => c.Workers, (c, v) => c with { Workers = v }),
        Setting.Real("evictAfterSeconds", "silence after which a worker is put out of the run; signs of life come every second", 4, 86_400, c => c.EvictAfterSeconds, (c, v) => c with { EvictAfterSeconds = v }),
        Setting.Real("startTimeoutSeconds", "time in which all workers have to join", 1, 3600, c => c.StartTimeoutSeconds, (c, v) => c with { StartTimeoutSeconds = v }),
        Setting.Whole("restarts", "how often each worker that dies is started anew, as a newcomer", 0, 1000, c => c.Restarts, (c, v) => c with { Restarts = v }),
        Setting.Text("coordinator", NetworkTexts.Coordinator, "HOST:PORT", c => c.Coordinator, (c, v) => c with { Coordinator = v }),
        Setting.Text("run", NetworkTexts.Run, "ID", c => c.Run, (c, v) => c with { Run = v }),
        Setting.Text("listen", NetworkTexts.Listen, "ADDRESS:PORTS", c => c.Listen, (c, v) => c with { Listen = v }),
        Setting.Text("advertise", NetworkTexts.Advertise, "ADDRESS", c => c.Advertise, (c, v) => c with { Advertise = v }),
        Setting.Text("interface", NetworkTexts.Interface, "NAME", c => c.Interface, (c, v) => c with { Interface = v }),
        Setting.Switch("insecure", NetworkTexts.Insecure, c => c.Insecure, (c, v) => c with { Insecure = v }),
    ];

    public static Command Create(CommandContext context)
    {
        var command = new Command("run", "Start a program of your own as the workers of one run: crossnode run --workers N -- PROGRAM ARGS.");
        var flags = CommonOptions.Of(Settings, new RunConfiguration());
        foreach (var (_, option) in flags)
        {
            command.Add(option);
        }
        command.SetAction(async (parsed, _) =>
        {
            if (context.AfterDashes is not [var program, .. var arguments])
            {
                throw new UsageException("crossnode run needs a program to start, after two dashes: crossnode run --workers 4 -- dotnet app.dll.");
            }
            var configuration = flags.Apply(parsed, new RunConfiguration());
            var c = configuration;
            var (network, remote) = NetworkFlags.Read(c.Coordinator, c.Run, c.Listen, c.Interface, c.Advertise, c.Insecure);
            using var logs = CommandContext.CreateLogs(CommonOptions.LogLevel(parsed));
            return await RunAsync(context, new LaunchOptions
            {
                Workers = configuration.Workers,
                Command = new WorkerCommand(program, arguments),
                Network = network,
                Remote = remote,
                Restarts = configuration.Restarts,
                EvictAfter = TimeSpan.FromSeconds(configuration.EvictAfterSeconds),
                StartTimeout = TimeSpan.FromSeconds(configuration.StartTimeoutSeconds),
                Logger = logs.CreateLogger("Crossnode.Coordinator"),
            });
        });
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, LaunchOptions options)
    {
        var output = new PrefixedOutput(Console.OpenStandardOutput(), Console.OpenStandardError());
        void Say(string text) => context.Streams.Error.WriteLine($"crossnode: {text}");
        using var launch = Launch.Start(options, output.Write, context.Clock.Time);
        if (options.Network.IsOpen)
        {
            Say(LaunchTexts.OpenToOthers(options.Network));
        }
        Say(LaunchTexts.Started(launch));
        if (launch.HasCoordinator)
        {
            Say($"more workers join with: crossnode run --coordinator {LaunchTexts.Way(launch.Outside, launch.Run, options.Network.IsOpen)} -- PROGRAM");
        }
        var said = new HashSet<string>();
        var outcome = await launch.WatchAsync(happened =>
        {
            if (LaunchTexts.Describe(happened, options.Workers) is { } text)
            {
                said.Add(text);
                Say(text);
            }
        });
        if (outcome.Failure is { } failure && !outcome.WasInterrupted && !said.Contains(failure))
        {
            Say(failure + ".");
        }
        else if (outcome is { Failure: null, HasStarted: false, WasInterrupted: false })
        {
            Say("no worker joined the run: a program takes part by calling CrossnodeRun.Join(), and this one ended without.");
        }
        return outcome.ExitCode;
    }
}
