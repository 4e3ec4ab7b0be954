using System.CommandLine;
using System.Globalization;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Core;
using Microsoft.Extensions.Logging;
using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Commands.RunConfiguration>;

namespace Crossnode.Cli.Commands;

/// <summary>What crossnode run can be told.</summary>
internal sealed record RunConfiguration
{
    public int Workers { get; init; } = 2;

    public double EvictAfterSeconds { get; init; } = 10;

    public double StartTimeoutSeconds { get; init; } = 600;

    public string Listen { get; init; } = "127.0.0.1:0";

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
        Setting.Text("listen", "address of the coordinator; port 0 takes a free one", "ADDRESS:PORT", c => c.Listen, (c, v) => c with { Listen = v }),
        Setting.Switch("insecure", "allow an address that other machines reach, though nothing checks who comes", c => c.Insecure, (c, v) => c with { Insecure = v }),
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
            if (!Endpoints.TryParse(configuration.Listen, out var listen))
            {
                throw new UsageException($"--listen must be an address with a port, such as 127.0.0.1:5000, not '{configuration.Listen}'.");
            }
            using var logs = CommandContext.CreateLogs(CommonOptions.LogLevel(parsed));
            return await RunAsync(context, new LaunchOptions
            {
                Workers = configuration.Workers,
                Command = new WorkerCommand(program, arguments),
                Listen = listen,
                Insecure = configuration.Insecure,
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
        if (!Endpoints.IsLoopback(options.Listen))
        {
            Say(LaunchTexts.OpenToOthers(options.Listen.ToString()));
        }
        Say(LaunchTexts.Started(launch));
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
