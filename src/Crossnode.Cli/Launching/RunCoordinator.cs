using System.Net;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Cli.Launching;

/// <summary>The coordinator in this process, with its news as events of the launch.</summary>
internal sealed class RunCoordinator : IDisposable
{
    // How the coordinator words that a member is gone because it asked to be.
    private const string LeftByItself = ") left";

    private readonly EmbeddedCoordinator _coordinator;

    private RunCoordinator(EmbeddedCoordinator coordinator, IPEndPoint address, string outside) =>
        (_coordinator, Address, Outside) = (coordinator, address, outside);

    /// <summary>Where workers of this machine reach it.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Where other machines reach it.</summary>
    public string Outside { get; }

    /// <summary>The run's id.</summary>
    public RunId Run => _coordinator.Run;

    /// <summary>Says what the run is about, to those that want to join it.</summary>
    public void SetCharter(ReadOnlyMemory<byte> charter) => _coordinator.SetCharter(charter);

    /// <summary>Starts to listen; events come on the coordinator's own thread.</summary>
    /// <exception cref="UsageException">The address cannot be listened on.</exception>
    public static RunCoordinator Start(LaunchOptions options, Action<LaunchEvent> happened, ILogger? logger, TimeProvider time)
    {
        var network = options.Network;
        var transport = new TcpTransport(new TcpOptions { AllowNonLoopback = network.Insecure });
        var coordinator = Listening(() => EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = options.Workers,
                Run = RunId.Create(new SystemRandomSource()),
                Host = network.Address!.ToString(),
                Ports = network.Ports,
                StartTimeout = options.StartTimeout,
                EvictAfter = options.EvictAfter,
                Logger = logger,
                Time = time,
            },
            transport,
            news =>
            {
                if (Translate(news) is { } translated)
                {
                    happened(translated);
                }
            }));
        var listening = IPEndPoint.Parse(coordinator.Address);
        return new RunCoordinator(coordinator, Reachable(listening), network.Outside(listening));
    }

    /// <inheritdoc />
    public void Dispose() => _coordinator.Dispose();

    private static EmbeddedCoordinator Listening(Func<EmbeddedCoordinator> start)
    {
        try
        {
            return start();
        }
        catch (CrossnodeException exception)
        {
            throw new UsageException($"--listen: {exception.Message}");
        }
    }

    private static LaunchEvent? Translate(RunNews news) => news.Kind switch
    {
        RunNewsKind.ViewAnnounced => new LaunchEvent.ViewAnnounced(
            news.View.Epoch, [.. news.Members!.Select(member => (int)member.Value)], news.Text ?? ""),
        RunNewsKind.MemberGone when news.Text?.EndsWith(LeftByItself, StringComparison.Ordinal) == true =>
            new LaunchEvent.Left((int)news.Member!.Value.Value),
        RunNewsKind.MemberGone => new LaunchEvent.Evicted((int)news.Member!.Value.Value, news.Text ?? ""),
        RunNewsKind.Note => new LaunchEvent.Noted((int)news.Member!.Value.Value, news.Text ?? "", news.Json ?? ""),
        RunNewsKind.Notice => new LaunchEvent.Noticed(news.Text ?? ""),
        RunNewsKind.Failed => new LaunchEvent.RunFailed(news.Text ?? "the run failed"),
        _ => null,
    };

    // Every address of the machine is no address to connect to.
    private static IPEndPoint Reachable(IPEndPoint listening) =>
        listening.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, listening.Port)
            : listening.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.IPv6Loopback, listening.Port)
            : listening;
}
