using System.CommandLine;
using System.Net;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;
using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Commands.CoordinatorConfiguration>;

namespace Crossnode.Cli.Commands;

/// <summary>What crossnode coordinator can be told.</summary>
internal sealed record CoordinatorConfiguration
{
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
                Run = RunId.Create(new SystemRandomSource()),
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
            }));
        if (network.IsOpen)
        {
            Say(LaunchTexts.OpenToOthers(network));
        }
        var way = LaunchTexts.Way(network.Outside(IPEndPoint.Parse(coordinator.Address)), coordinator.Run, network.IsOpen);
        Say($"coordinator of run {coordinator.Run} at {coordinator.Address}, process {Environment.ProcessId}");
        Say($"begin a training run:    crossnode train --coordinator {way}");
        Say($"or a program of yours:   crossnode run --coordinator {way} -- PROGRAM");
        Say($"on the next machine:     crossnode join {way}");
        using var stops = new StopRequests(_ => ended.TrySetResult(ExitCodes.Interrupted), () => Environment.Exit(ExitCodes.Interrupted));
        return await ended.Task;
    }

    private static EmbeddedCoordinator Listening(Func<EmbeddedCoordinator> start)
    {
        try
        {
            return start();
        }
        catch (CrossnodeException exception)
        {
            throw new UsageException($"--listen: {exception.Message}.");
        }
    }

    private static string? Describe(RunNews news) => news.Kind switch
    {
        RunNewsKind.ViewAnnounced when news.Members is { Count: > 0 } members =>
            $"view {news.View.Epoch}: members {string.Join(", ", members.Select(member => member.Value))}{(news.Text is { Length: > 0 } why ? $" ({why})" : "")}",
        RunNewsKind.Notice or RunNewsKind.Failed => news.Text,
        RunNewsKind.Finished => "all members have left; the run is over",
        _ => null,
    };
}
