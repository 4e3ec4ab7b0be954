using System.Threading.Channels;
using Crossnode.Collectives.Launching;
using Crossnode.Core;

namespace Crossnode.Cli.Launching;

/// <summary>A run whose coordinator lives in this process and whose workers are processes of this machine.</summary>
/// <remarks>
/// Events of the coordinator, of processes and of the user meet in one queue; its one reader decides and tells the observer.
/// </remarks>
internal sealed class Launch : IDisposable
{
    // Notes come a few times a step from each worker. When whoever reads our output stops reading, notes are lost rather
    // than the coordinator's signs of life.
    private const int QueueLength = 1 << 16;

    private readonly LaunchOptions _options;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly Channel<LaunchEvent> _events;
    private readonly LaunchVerdict _verdict;
    private readonly RunCoordinator _coordinator;
    private readonly WorkerPool _pool;
    private readonly StopRequests _stops;
    private readonly Dictionary<string, ITimer> _graces = [];
    private string? _runFailure;

    private Launch(LaunchOptions options, WorkerLine line, TimeProvider time)
    {
        _options = options;
        _time = time;
        _origin = time.GetTimestamp();
        _events = Channel.CreateBounded<LaunchEvent>(
            new BoundedChannelOptions(QueueLength) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
        _verdict = new LaunchVerdict(options.Workers);
        _coordinator = RunCoordinator.Start(options, e => _events.Writer.TryWrite(e), options.Logger, time);
        try
        {
            _pool = WorkerPool.Start(options.Workers, options.Command, Variables, line, time);
        }
        catch
        {
            _coordinator.Dispose();
            throw;
        }
        _stops = new StopRequests(Stop, Insist);
    }

    /// <summary>The workers; the index is the number.</summary>
    public IReadOnlyList<WorkerProcess> Workers => _pool.Workers;

    /// <summary>Where the coordinator listens.</summary>
    public string Address => _coordinator.Address.ToString();

    /// <summary>The run's id.</summary>
    public RunId Run => _coordinator.Run;

    /// <summary>Starts the coordinator and the workers.</summary>
    /// <exception cref="UsageException">The program cannot be started, or the coordinator cannot listen.</exception>
    public static Launch Start(LaunchOptions options, WorkerLine line, TimeProvider time) => new(options, line, time);

    /// <summary>Watches until all workers have ended, and says how the run ended.</summary>
    public async Task<LaunchOutcome> WatchAsync(Action<LaunchEvent> observer)
    {
        var ends = ForwardEndsAsync();
        await foreach (var happened in _events.Reader.ReadAllAsync())
        {
            Follow(happened);
            observer(happened);
        }
        await ends;
        return new LaunchOutcome(_verdict.FailureReason() is { } reason ? _runFailure ?? reason : null, _stops.AreMade, _verdict.HasStarted);
    }

    /// <summary>Ends what still runs.</summary>
    public void Dispose()
    {
        lock (_graces)
        {
            foreach (var grace in _graces.Values)
            {
                grace.Dispose();
            }
        }
        _stops.Dispose();
        _pool.Dispose();
        _coordinator.Dispose();
    }

    private IReadOnlyDictionary<string, string> Variables(int worker) => new LaunchEnvironment
    {
        Coordinator = _coordinator.Address,
        Run = _coordinator.Run,
        Worker = new MemberId((uint)worker),
        Workers = _options.Workers,
        Launcher = ProcessStamp.Current,
    }.ToVariables();

    private async Task ForwardEndsAsync()
    {
        for (var left = _options.Workers; left > 0; left--)
        {
            // Unlike a note, an end must not be lost: it is what ends the reading.
            await _events.Writer.WriteAsync(new LaunchEvent.Exited(await _pool.Exits.ReadAsync()));
        }
        _events.Writer.Complete();
    }

    private void Follow(LaunchEvent happened)
    {
        var now = _time.GetElapsedTime(_origin);
        switch (happened)
        {
            case LaunchEvent.ViewAnnounced:
                _verdict.ViewAnnounced();
                break;
            case LaunchEvent.Evicted evicted:
                _verdict.Evicted(evicted.Worker, now);
                break;
            case LaunchEvent.RunFailed failed:
                _runFailure = failed.Text;
                KillAfter(_verdict.HasStarted ? _options.EvictedGrace : _options.UnstartedGrace, "the run has failed, and some workers have not ended by themselves");
                break;
            case LaunchEvent.Exited exited:
                _verdict.Exited(exited.Exit, now);
                break;
        }
        if (_verdict.IsHopeless && _runFailure is null && !_stops.AreMade)
        {
            KillAfter(TimeSpan.Zero, "the run cannot start without one that is gone");
        }
        else if (_verdict.OnlyEvictedRun)
        {
            KillAfter(_options.EvictedGrace, "everybody else has ended, and the evicted workers have not");
        }
    }

    private void Stop(int signal)
    {
        // A terminal's Ctrl-C has reached the workers already, and a second one would be an insistent one to them.
        if (signal != Signals.Interrupt || !Signals.TerminalReachesChildren())
        {
            _pool.Signal(signal);
        }
        _events.Writer.TryWrite(new LaunchEvent.StopRequested(signal));
        KillAfter(_options.StopGrace, $"workers have not ended {_options.StopGrace.TotalSeconds:0} s after they were asked to");
    }

    private void Insist()
    {
        _events.Writer.TryWrite(new LaunchEvent.Killing("asked to stop again"));
        _pool.Kill();
    }

    private void KillAfter(TimeSpan grace, string why)
    {
        lock (_graces)
        {
            if (!_graces.ContainsKey(why))
            {
                _graces[why] = _time.CreateTimer(_ => KillBecause(why), null, grace, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void KillBecause(string why)
    {
        if (!_pool.AllEnded.IsCompleted)
        {
            _events.Writer.TryWrite(new LaunchEvent.Killing(why));
            _pool.Kill();
        }
    }
}
