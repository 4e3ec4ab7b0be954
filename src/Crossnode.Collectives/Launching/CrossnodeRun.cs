using System.Text;
using Crossnode.Collectives.Sessions;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Collectives.Launching;

/// <summary>This process's part in the run that a launcher started: the first of the three lines.</summary>
/// <example><code>
/// using var run = CrossnodeRun.Join();
/// using var trainer = run.Distribute(module, optimizer);
/// ...
/// trainer.Step(samples: batch.Count);   // where optimizer.Step() stood
/// </code></example>
public sealed class CrossnodeRun : IStateExchange, IDisposable
{
    // Enough for the last frames to leave this machine; a peer that is gone does not hold the exit up longer.
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(1);

    // A launcher's coordinator listens before its workers are started.
    private static readonly TimeSpan PatienceWithRefusals = TimeSpan.FromSeconds(10);

    // The coordinator has a deadline of its own for the start, an hour at most, and says who is missing: this one must not come first.
    private static readonly TimeSpan PatienceWithStart = TimeSpan.FromMinutes(61);

    private readonly TcpTransport _transport;
    private readonly LauncherWatch? _watch;

    private CrossnodeRun(Session session, TcpTransport transport, LauncherWatch? watch, int workers)
    {
        Session = session;
        _transport = transport;
        _watch = watch;
        Workers = workers;
    }

    /// <summary>How many workers the launcher started; how many are left is <see cref="ViewInfo.WorldSize"/>.</summary>
    public int Workers { get; }

    /// <inheritdoc />
    public MemberId Self => Session.Self;

    /// <inheritdoc />
    public ViewInfo View => Session.View;

    /// <summary>The session below, for its events and notes.</summary>
    public Session Session { get; }

    /// <summary>Joins the run that the environment names, and returns once all of its workers have come.</summary>
    /// <remarks>
    /// Reads the variables that <c>crossnode run --workers N -- PROGRAM</c> sets. When the launcher dies, also by a kill,
    /// this process ends within five seconds. When this member is evicted, the next operation fails and says why.
    /// In a run that has started it returns at once, and the first operation (Distribute, for instance) makes this process a
    /// member: so whatever takes long, such as building the model, belongs between the two.
    /// From here on a <see cref="Core.Errors.CrossnodeException"/> that nobody catches ends the process with its sentence on
    /// standard error and the code of <see cref="WorkerExitCodes.Of"/>, without a stack trace; the AppContext switch
    /// Crossnode.KeepUnhandledExceptions turns that off.
    /// </remarks>
    /// <exception cref="Core.Errors.InputException">The variables are missing or wrong.</exception>
    /// <exception cref="Core.Errors.MembershipException">The coordinator refused this process.</exception>
    /// <exception cref="Core.Errors.DeadlineException">The coordinator cannot be reached: for 10 s when nothing listens at its address,
    /// else for 60 s; or it announces no view with this process within an hour.</exception>
    public static CrossnodeRun Join(ILogger? logger = null, CancellationToken cancellationToken = default)
    {
        UnhandledFailures.EndWithTheirSentence();
        var launch = LaunchEnvironment.Read();
        var watch = launch.Launcher is { } launcher ? LauncherWatch.StartExiting(launcher) : null;
        var transport = new TcpTransport(new TcpOptions { AllowNonLoopback = launch.Insecure });
        try
        {
            var session = Session.Join(
                launch.ToSession(new SystemRandomSource()) with
                {
                    EntersLater = true,
                    // The first launcher's workers make the first view; a coordinator that started with them knows it.
                    Expected = launch.Workers,
                    JoinTimeout = PatienceWithStart,
                    RefusedTimeout = PatienceWithRefusals,
                    Logger = logger,
                },
                transport,
                cancellationToken);
            if (launch.TellsJoin)
            {
                TellJoin();
            }
            return new CrossnodeRun(session, transport, watch, launch.Workers);
        }
        catch
        {
            watch?.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public bool IsNewcomer => Session.IsNewcomer;

    /// <inheritdoc />
    public StatePeer Peer => Session.Peer;

    /// <inheritdoc />
    public IReadOnlyList<StateHolder> Peers => Session.Peers;

    /// <inheritdoc />
    public StateServer? StateServer
    {
        get => Session.StateServer;
        set => Session.StateServer = value;
    }

    /// <inheritdoc />
    public void Enter(CancellationToken cancellationToken = default) => Session.Enter(cancellationToken);

    /// <inheritdoc />
    public long NextSequence(uint tag) => Session.NextSequence(tag);

    /// <inheritdoc />
    public IReadOnlyList<uint> AwaitedTags => Session.AwaitedTags;

    /// <inheritdoc />
    public StateServer CreateStateServer(StateServerOptions options) => Session.CreateStateServer(options);

    /// <inheritdoc />
    public StateFetcher CreateStateFetcher() => Session.CreateStateFetcher();

    /// <inheritdoc />
    public OperationOutcome Run(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default) =>
        Session.Run(group, options, cancellationToken);

    /// <inheritdoc />
    public Task<OperationOutcome> RunAsync(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default) =>
        Session.RunAsync(group, options, cancellationToken);

    /// <inheritdoc />
    public TrafficCounters Traffic(uint? tag = null) => Session.Traffic(tag);

    /// <summary>Leaves the run: the others go on without waiting for a deadline.</summary>
    public void Dispose()
    {
        _watch?.Dispose();
        Session.Dispose();
        _transport.WhenClosed().Wait(LastBytes);
    }

    // Not by Console.Out, which a program may have replaced.
    private static void TellJoin()
    {
        using var output = Console.OpenStandardOutput();
        output.Write(Encoding.ASCII.GetBytes(LaunchEnvironment.JoinedLine + "\n"));
    }
}
