using System.Net;
using System.Text;
using System.Threading.Channels;
using Crossnode.Collectives.Launching;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Cli.Launching;

/// <summary>Worker processes of this machine, in a run whose coordinator lives in this process or elsewhere.</summary>
/// <remarks>
/// Events of the coordinator, of processes and of the user meet in one queue; its one reader decides and tells the observer.
/// </remarks>
internal sealed class Launch : IDisposable
{
    // Notes come a few times a step from each worker. When whoever reads our output stops reading, notes are lost rather
    // than the coordinator's signs of life.
    private const int QueueLength = 1 << 16;

    private static readonly byte[] JoinedLine = Encoding.ASCII.GetBytes(LaunchEnvironment.JoinedLine);

    private readonly LaunchOptions _options;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly Channel<LaunchEvent> _events;
    private readonly LaunchVerdict _verdict;
    private readonly RunCoordinator? _coordinator;
    private readonly WorkerPool _pool;
    private readonly StopRequests _stops;
    private readonly Dictionary<string, ITimer> _graces = [];
    private readonly int[] _restarts;
    private readonly int[] _members;
    private int _ended;
    private string? _runFailure;
    private volatile bool _onlyEvictedRun;
    private volatile bool _hasJoined;

    private Launch(LaunchOptions options, WorkerLine line, TimeProvider time)
    {
        if (options is { Remote: not null, Workers: > 1, Network: var place } && place.IsForOne)
        {
            throw new UsageException(
                $"{options.Workers} workers cannot share one port: give --listen a range of ports, and --advertise an address without a port, or start one worker.");
        }
        _options = options;
        _time = time;
        _origin = time.GetTimestamp();
        _events = Channel.CreateBounded<LaunchEvent>(
            new BoundedChannelOptions(QueueLength) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
        _verdict = new LaunchVerdict(options.Workers, joins: options.Remote is not null);
        _restarts = [.. Enumerable.Repeat(options.Restarts, options.Workers)];
        _members = [.. Enumerable.Repeat(-1, options.Workers)];
        _coordinator = options.Remote is null
            ? RunCoordinator.Start(options, e => _events.Writer.TryWrite(e), options.Logger, time)
            : null;
        try
        {
            _pool = WorkerPool.Start(
                options.Workers,
                number => WorkerProcess.Start(number, options.Command, Variables(number), Listening(line), time),
                // Unlike a note, an end must not be lost: it is what ends the reading.
                exit => _events.Writer.WriteAsync(new LaunchEvent.Exited(exit)));
        }
        catch
        {
            _coordinator?.Dispose();
            throw;
        }
        _stops = new StopRequests(Stop, Insist, time);
    }

    /// <summary>The workers; the index is the number.</summary>
    public IReadOnlyList<WorkerProcess> Workers => _pool.Workers;

    /// <summary>Where this machine reaches the coordinator.</summary>
    public IPEndPoint Address => _coordinator?.Address ?? _options.Remote!.Coordinator;

    /// <summary>Where other machines reach it.</summary>
    public string Outside => _coordinator?.Outside ?? _options.Remote!.Coordinator.ToString();

    /// <summary>Whether the coordinator is in this process.</summary>
    public bool HasCoordinator => _coordinator is not null;

    /// <summary>The run's id.</summary>
    public RunId Run => _coordinator?.Run ?? _options.Remote!.Run;

    /// <summary>Which member a worker is: its number where the launch gave it, else what the worker said, or -1.</summary>
    public int MemberOf(int worker) => HasCoordinator ? worker : Volatile.Read(ref _members[worker]);

    /// <summary>Starts the coordinator, unless the run has one, and the workers.</summary>
    /// <exception cref="UsageException">The program cannot be started, or the coordinator cannot listen.</exception>
    public static Launch Start(LaunchOptions options, WorkerLine line, TimeProvider time) => new(options, line, time);

    /// <summary>Says what the run is about, if its coordinator is here.</summary>
    public void SetCharter(ReadOnlyMemory<byte> charter) => _coordinator?.SetCharter(charter);

    /// <summary>Watches until all workers have ended, and says how the run ended.</summary>
    public async Task<LaunchOutcome> WatchAsync(Action<LaunchEvent> observer)
    {
        await foreach (var happened in _events.Reader.ReadAllAsync())
        {
            var restarted = Follow(happened);
            observer(happened);
            if (restarted is not null)
            {
                observer(restarted);
            }
        }
        return new LaunchOutcome(_verdict.FailureReason(MemberOf) is { } reason ? _runFailure ?? reason : null, _stops.AreMade, HasCoordinator ? _verdict.HasStarted : _hasJoined);
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
        _coordinator?.Dispose();
    }

    private IReadOnlyDictionary<string, string> Variables(int worker)
    {
        var network = _options.Network;
        return new LaunchEnvironment
        {
            Coordinator = Address,
            Run = Run,
            Worker = HasCoordinator ? new MemberId((uint)worker) : MemberId.Unassigned,
            Workers = _options.Workers,
            Host = network.Address,
            Ports = HasCoordinator ? network.WorkerPorts : network.Ports,
            // A port that is advertised is the coordinator's.
            Advertise = network is { IsEverywhere: true, Advertise: null }
                ? LocalAddress.Outward(network.Address!.AddressFamily).ToString()
                : HasCoordinator ? network.Advertise is null ? null : IPEndPoint.Parse(network.Advertise).Address.ToString() : network.Advertise,
            Insecure = network.Insecure,
            TellsJoin = !HasCoordinator,
            Launcher = ProcessStamp.Current,
        }.ToVariables();
    }

    // Notes come by standard output where no coordinator of this process hears them.
    private WorkerLine Listening(WorkerLine line) => (worker, bytes, isError) =>
    {
        if (!isError && !HasCoordinator && bytes.SequenceEqual(JoinedLine))
        {
            _hasJoined = true;
        }
        else if (isError || !NoteLine.TryParse(bytes, out var number, out var topic, out var json))
        {
            line(MemberOf(worker) is >= 0 and var member ? member : worker, bytes, isError);
        }
        else if (!HasCoordinator)
        {
            _hasJoined = true;
            if (Interlocked.Exchange(ref _members[worker], number) != number)
            {
                _events.Writer.TryWrite(new LaunchEvent.Named(worker, number));
            }
            _events.Writer.TryWrite(new LaunchEvent.Noted(number, topic, json));
        }
    };

    /// <returns>What came of it at once; null when nothing did.</returns>
    private LaunchEvent.Restarted? Follow(LaunchEvent happened)
    {
        var now = _time.GetElapsedTime(_origin);
        LaunchEvent.Restarted? restarted = null;
        switch (happened)
        {
            case LaunchEvent.ViewAnnounced view:
                _verdict.ViewAnnounced(view.Members);
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
                restarted = Restart(exited.Exit);
                if (restarted is null && ++_ended == _options.Workers)
                {
                    _events.Writer.TryComplete();
                }
                break;
        }
        if (_verdict.IsHopeless && _runFailure is null && !_stops.AreMade)
        {
            KillAfter(TimeSpan.Zero, "the run cannot start without one that is gone");
        }
        _onlyEvictedRun = _verdict.OnlyEvictedRun;
        if (_onlyEvictedRun)
        {
            // One that comes back as a newcomer within that time stays.
            KillAfter(_options.EvictedGrace, "everybody else has ended, and the evicted workers have not", () => _onlyEvictedRun);
        }
        return restarted;
    }

    private LaunchEvent.Restarted? Restart(WorkerExit exit)
    {
        var number = exit.Worker;
        if (exit.Fate == WorkerFate.Finished || _restarts[number] == 0 || _stops.AreMade || _runFailure is not null || !_verdict.HasStarted || _verdict.HasFinished)
        {
            return null;
        }
        if (_pool.Restart(number) is not { } worker)
        {
            return null;
        }
        _verdict.Restarted(number);
        return new LaunchEvent.Restarted(number, worker.Id, --_restarts[number]);
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

    private void KillAfter(TimeSpan grace, string why, Func<bool>? isStillSo = null)
    {
        lock (_graces)
        {
            if (!_graces.ContainsKey(why))
            {
                _graces[why] = _time.CreateTimer(_ => KillBecause(why, isStillSo), null, grace, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void KillBecause(string why, Func<bool>? isStillSo)
    {
        if (isStillSo?.Invoke() == false)
        {
            lock (_graces)
            {
                _graces.Remove(why, out var grace);
                grace?.Dispose();
            }
        }
        else if (!_pool.AllEnded)
        {
            _events.Writer.TryWrite(new LaunchEvent.Killing(why));
            _pool.Kill();
        }
    }
}
