using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Links;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.Sessions;

/// <summary>One process's part in a run: owns its links and control stream, and drives the engine.</summary>
/// <remarks>
/// All state is guarded by one lock. Whoever calls an operation drives the sockets on its own thread until the operation
/// is over, since a hand-off costs more than a small message; a background thread drives them when nobody calls (signs of
/// life, PREPARE, operations started with RunAsync). Only one caller drives at a time, others wait for theirs.
/// </remarks>
public sealed partial class Session : IStateExchange, IDisposable
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);

    // While callers drive, the background thread only looks in this often.
    private static readonly TimeSpan LookIn = TimeSpan.FromMilliseconds(5);

    // While bytes move, the control stream and handshakes are looked at this often: a look costs a system call.
    private static readonly TimeSpan RareInterval = TimeSpan.FromMilliseconds(0.5);

    private static readonly OperationOptions DefaultOptions = new();

    private readonly SessionOptions _options;
    private readonly IReadOnlyList<string> _coordinators;
    private readonly ITransport _transport;
    private readonly object _gate = new();
    private readonly Listener _listener;
    private readonly HostLinks? _hostLinks;
    private readonly CollectiveEngine _engine;
    private readonly Poller _callerPoller;
    private readonly Poller _backgroundPoller;
    private readonly Thread _background;
    private readonly AutoResetEvent _backgroundTurn = new(false);
    private readonly long _origin;
    private readonly string _endpoint;

    // Made once: the control stream is looked at two thousand times a second while bytes move.
    private readonly Action _controlOpened;
    private readonly Action<EngineOperation> _pulse;
    private readonly Action<ControlMessage> _controlReceived;
    private TimeSpan _nextTick;
    private TimeSpan _nextRare;
    private TimeSpan _callerSeen = TimeSpan.FromDays(-1);
    private bool _callerDrives;
    private int _entering;
    private int _waitingAsync;
    private bool _stopping;
    private ViewInfo? _viewInfo;
    private bool _isNewcomer;
    private Exception? _broken;

    private Session(SessionOptions options, ITransport transport)
    {
        _options = options;
        _transport = transport;
        _origin = options.Time.GetTimestamp();
        _listener = transport.Listen(options.Host, options.Ports);
        _endpoint = AdvertisedEndpoint.Of(options.Advertise, _listener.Address);
        _coordinators = options.Coordinators;
        _engine = new CollectiveEngine(options.ToMember(_endpoint), options.Engine, new Host(this));
        _pulse = Pulse;
        _controlOpened = () => _engine.ControlUp(Now);
        _controlReceived = message => _engine.Control(Now, message);
        _callerPoller = transport.CreatePoller();
        _backgroundPoller = transport.CreatePoller();
        if (options.SharedMemory && transport is TcpTransport)
        {
            _hostLinks = HostLinks.TryOpen(options.Run, options.Incarnation, options.Time, out var reason);
            if (reason is not null)
            {
                Log($"links on this machine go over TCP: {reason}");
            }
        }

        _background = new Thread(Background) { IsBackground = true, Name = $"crossnode {options.Self}" };
    }

    /// <inheritdoc />
    public MemberId Self => _engine.Self;

    /// <summary>Where other members are told to call: HOST:PORT.</summary>
    public string Endpoint => _endpoint;

    /// <summary>The address that this process listens on: HOST:PORT.</summary>
    public string Listening => _listener.Address;

    /// <inheritdoc />
    public ViewInfo View
    {
        get
        {
            lock (_gate)
            {
                return _viewInfo ?? throw new MembershipException(_engine.EndReason ?? "the run has no view yet");
            }
        }
    }

    /// <summary>Why this process is out of the run; null while it is in.</summary>
    public string? EndReason
    {
        get
        {
            lock (_gate)
            {
                return _engine.EndReason;
            }
        }
    }

    /// <summary>Whether it was put out of the run by the others, so that it can come back as a newcomer.</summary>
    public bool WasEvicted
    {
        get
        {
            lock (_gate)
            {
                return _engine.WasEvicted;
            }
        }
    }

    /// <summary>
    /// Says that this process needs the coordinator, where that is, since when it is away, and what for; null while all goes on
    /// without it.
    /// </summary>
    /// <remarks>While a member lives and all its links are well, it needs none.</remarks>
    public string? Waiting
    {
        get
        {
            lock (_gate)
            {
                return _engine.WaitText;
            }
        }
    }

    /// <summary>Raised on whatever thread drives when a view was installed; keep it short, and wait for no operation.</summary>
    /// <remarks>What a handler throws is logged and goes no further.</remarks>
    public event Action<ViewInfo>? ViewInstalled;

    /// <summary>Raised when this process is out of the run, with the reason; keep it short.</summary>
    /// <remarks>What a handler throws is logged and goes no further.</remarks>
    public event Action<string>? Ended;

    private TimeSpan Now => _options.Time.GetElapsedTime(_origin);

    /// <summary>Joins the run and returns once a view that holds this process is installed.</summary>
    /// <remarks>
    /// In a run that has started this process is a newcomer: its first operation of a tag has the number that the others'
    /// next one has (see <see cref="NextSequence"/>), and it must call what they call from there on.
    /// </remarks>
    /// <exception cref="InputException">An address cannot be understood or used.</exception>
    /// <exception cref="MembershipException">The coordinator refused this process, or what answers is no coordinator; the text
    /// says why.</exception>
    /// <exception cref="DeadlineException">The coordinator cannot be reached, or the run did not start in time.</exception>
    public static Session Join(SessionOptions options, ITransport transport, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(transport);
        var session = new Session(options, transport);
        try
        {
            session._background.Start();
            session.WaitForFirstView(orInvitation: options.EntersLater, cancellationToken);
            return session;
        }
        catch
        {
            session.Stop("the join was given up");
            throw;
        }
    }

    /// <summary>Whether this process came to a run that had started.</summary>
    public bool IsNewcomer
    {
        get
        {
            lock (_gate)
            {
                return _isNewcomer || _engine.IsExpected;
            }
        }
    }

    /// <summary>Becomes a member of a run that has started, if <see cref="SessionOptions.EntersLater"/> put that off; else returns at once.</summary>
    /// <remarks>The first operation does it too. From now on the others wait for this member's operations.</remarks>
    /// <inheritdoc cref="Join" path="/exception"/>
    public void Enter(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ThrowIfBroken();
            if (!_engine.IsExpected)
            {
                return;
            }

            _engine.Ready(Now);
        }

        WakeBackground();
        WaitForFirstView(orInvitation: false, cancellationToken);
    }

    /// <inheritdoc />
    public OperationOutcome Run(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Monitor.IsEntered(_gate))
        {
            throw new InvalidOperationException(
                "a handler of a session's event runs while the session is driven, so it cannot wait for an operation: use RunAsync");
        }

        if (Volatile.Read(ref _viewInfo) is null)
        {
            Enter(cancellationToken);
        }

        Interlocked.Increment(ref _entering);
        lock (_gate)
        {
            Interlocked.Decrement(ref _entering);
            var operation = Submit(group, options, _pulse);
            if (operation.Outcome is null)
            {
                var registration = CancelWith(operation, cancellationToken);
                try
                {
                    DriveUntilDone(operation);
                }
                finally
                {
                    // Not Dispose: that waits for a Cancel that is running, and Cancel waits for the lock.
                    registration.Unregister();
                }
            }

            return Result(operation, cancellationToken);
        }
    }

    /// <inheritdoc />
    public async Task<OperationOutcome> RunAsync(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        EngineOperation operation;
        Interlocked.Increment(ref _entering);
        lock (_gate)
        {
            Interlocked.Decrement(ref _entering);
            operation = Submit(group, options, _ =>
            {
                _waitingAsync--;
                done.TrySetResult();
            });

            // It may be over already, and was then counted down first.
            _waitingAsync++;
            Monitor.PulseAll(_gate);
        }

        WakeBackground();
        using var registration = CancelWith(operation, cancellationToken);
        await done.Task;
        return Result(operation, cancellationToken);
    }

    /// <summary>The number that the next operation of a tag gets here, from 1; a newcomer's first ones are not 1.</summary>
    public long NextSequence(uint tag)
    {
        lock (_gate)
        {
            return _engine.NextSequence(tag);
        }
    }

    /// <inheritdoc />
    public IReadOnlyList<uint> AwaitedTags
    {
        get
        {
            lock (_gate)
            {
                return _engine.AwaitedTags;
            }
        }
    }

    /// <inheritdoc />
    public TrafficCounters Traffic(uint? tag = null)
    {
        lock (_gate)
        {
            if (tag is { } one)
            {
                return _engine.Traffic.GetValueOrDefault(one);
            }

            long payload = 0;
            long wire = 0;
            long received = 0;
            foreach (var counters in _engine.Traffic.Values)
            {
                payload += counters.PayloadBytes;
                wire += counters.WireBytes;
                received += counters.ReceivedBytes;
            }

            return new TrafficCounters(payload, wire, received);
        }
    }

    /// <summary>Tells the coordinator something for people: progress, as JSON. Lost when no stream is open.</summary>
    public void Note(string topic, string json)
    {
        lock (_gate)
        {
            SendControl(new ControlMessage { Note = new Note { Topic = topic, Json = json } });
        }

        WakeBackground();
    }

    /// <summary>Leaves the run: hands in commit points, waits (bounded) to be let go, closes every link.</summary>
    /// <remarks>From a handler of an event it returns at once, and another thread leaves.</remarks>
    public void Dispose()
    {
        if (Monitor.IsEntered(_gate))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static session => session.Dispose(), this, preferLocal: false);
            return;
        }

        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            if (_engine.EndReason is null && _broken is null)
            {
                _engine.Leave(Now);
                WakeBackground();
                var until = Now + _options.LeaveTimeout;
                while (_engine.EndReason is null && _broken is null && Now < until)
                {
                    Monitor.Wait(_gate, TickInterval);
                }
            }
        }

        Stop("this process left the run");
    }

    /// <summary>Ends at once, as a killed process would, but with memory freed: for tests and for shutting down in a hurry.</summary>
    public void Abandon()
    {
        if (Monitor.IsEntered(_gate))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static session => session.Abandon(), this, preferLocal: false);
            return;
        }

        Stop("this process left the run without a word");
    }

    private void Stop(string reason)
    {
        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            if (_engine.EndReason is null)
            {
                _engine.Abandon(reason);
            }

            Monitor.PulseAll(_gate);
        }

        WakeBackground();
        _callerPoller.Wake();
        if (_background.IsAlive && Thread.CurrentThread != _background)
        {
            _background.Join();
        }

        lock (_gate)
        {
            while (_callerDrives)
            {
                Monitor.Wait(_gate, TickInterval);
            }

            CloseEverything();
            _listener.Dispose();
            _hostLinks?.Dispose();
            _engine.Dispose();
        }

        _backgroundPoller.Dispose();
        _backgroundTurn.Dispose();
        _callerPoller.Dispose();
    }

    private static OperationOutcome Result(EngineOperation operation, CancellationToken cancellationToken)
    {
        var outcome = operation.Outcome!;
        if (outcome.Status != OperationStatus.Completed && operation.IsCondemned && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }

        return outcome;
    }

    private CancellationTokenRegistration CancelWith(EngineOperation operation, CancellationToken cancellationToken) =>
        cancellationToken.CanBeCanceled ? cancellationToken.UnsafeRegister(_ => Cancel(operation), null) : default;

    // Called with the lock held.
    private EngineOperation Submit(OperationGroup group, OperationOptions? options, Action<EngineOperation> completed)
    {
        ThrowIfBroken();
        EngineOperation operation;
        try
        {
            operation = _engine.Submit(Now, group, options ?? DefaultOptions, completed);
        }
        catch (Exception bug) when (bug is not (ArgumentException or OutOfMemoryException))
        {
            // It may be under way already: nothing may hold the caller's memory when this returns.
            Break(bug);
            throw;
        }

        if (_callerDrives)
        {
            _callerPoller.Wake();
        }

        return operation;
    }

    private void Cancel(EngineOperation operation)
    {
        Interlocked.Increment(ref _entering);
        lock (_gate)
        {
            Interlocked.Decrement(ref _entering);
            _engine.Condemn(Now, operation, ErrorKind.Cancelled, $"{Self} cancelled it");
        }

        _callerPoller.Wake();
        WakeBackground();
    }

    private void ThrowIfBroken()
    {
        if (_broken is InputException input)
        {
            throw new InputException(input.Message, input);
        }

        if (_broken is not null)
        {
            throw new InvalidOperationException("the session broke", _broken);
        }

        ObjectDisposedException.ThrowIf(_stopping, this);
    }

    private void WaitForFirstView(bool orInvitation, CancellationToken cancellationToken)
    {
        var until = Now + _options.JoinTimeout;
        lock (_gate)
        {
            while (_viewInfo is null && !(orInvitation && _engine.IsExpected))
            {
                ThrowIfBroken();
                if (_engine.EndReason is { } reason)
                {
                    throw _coordinatorSeen || _coordinatorRefuses ? new MembershipException(reason) : NobodyAnswers();
                }

                if (_onlyRefusals && _controlFailure is not null && !_coordinatorSeen && Now > _options.RefusedTimeout)
                {
                    throw NobodyAnswers();
                }

                cancellationToken.ThrowIfCancellationRequested();
                if (Now > until)
                {
                    throw _control is { IsOpen: true }
                        ? new DeadlineException(
                            $"{Self} waited {_options.JoinTimeout.TotalSeconds:0.#} s to become a member of run {_options.Run}: "
                            + "the coordinator is there, but has announced no view with it (not all workers have come, or the members"
                            + " do not answer)")
                        : NobodyAnswers();
                }

                Monitor.Wait(_gate, TickInterval);
            }
        }
    }

    private DeadlineException NobodyAnswers() => new(
        $"{Self} waited {Now.TotalSeconds:0} s to join run {_options.Run}: no coordinator answers at {_options.Coordinator} "
        + $"({_controlFailure ?? "it is silent"}); is it running, and is the address right?");

    private void Pulse(EngineOperation operation) => Monitor.PulseAll(_gate);
}
