using Crossnode.Collectives.Links;
using Crossnode.Collectives.Rehearsals;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Coordinator;

/// <summary>Serves one run from a thread of this process: accepts members' streams and carries out the run machine's decisions.</summary>
/// <remarks>
/// One owner thread; nothing else touches its state. Collectives never wait for it, and it never waits for a disk.
/// <c>.Records</c> keeps the run's record and goes on from it.
/// </remarks>
public sealed partial class EmbeddedCoordinator : IRunHost
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(25);

    // More than all members that join at once; whoever opens more is no member.
    private const int MaxArrivals = 1024;

    // Evicted members get this long to read why.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly CoordinatorOptions _options;
    private readonly Listener _listener;
    private readonly Poller _poller;
    private readonly Thread _owner;
    private readonly long _origin;
    private readonly Dictionary<long, MemberStream> _streams = [];
    private readonly List<Arrival> _arrivals = [];
    private readonly List<RunAction> _actions = [];
    private readonly HashSet<Connection> _watched = [];
    private long _nextStream = 1;
    private TimeSpan _nextTick;
    private byte[]? _charter;
    private volatile bool _stopping;

    private EmbeddedCoordinator(CoordinatorOptions options, ITransport transport)
    {
        _options = options;
        _origin = options.Time.GetTimestamp();
        _listener = transport.Listen(options.Host, options.Ports);
        Address = _listener.Address;
        _poller = transport.CreatePoller();
        _poller.Watch(_listener);
        try
        {
            Begin();
        }
        catch
        {
            _listener.Dispose();
            _poller.Dispose();
            throw;
        }

        _owner = new Thread(Own) { IsBackground = true, Name = "crossnode coordinator" };
    }

    /// <inheritdoc />
    public event Action<RunNews>? News;

    /// <inheritdoc />
    public string Address { get; }

    /// <inheritdoc />
    public RunId Run => _options.Run;

    private TimeSpan Now => _options.Time.GetElapsedTime(_origin);

    /// <summary>Listens and serves until disposed.</summary>
    /// <param name="options">The run.</param>
    /// <param name="transport">How members reach it.</param>
    /// <param name="news">Called for every piece of news, from the first on.</param>
    /// <exception cref="Core.Errors.InputException">The address or the store cannot be used; the text says why.</exception>
    public static EmbeddedCoordinator Start(CoordinatorOptions options, ITransport transport, Action<RunNews>? news = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(transport);
        EmbeddedCoordinator coordinator;
        try
        {
            coordinator = new EmbeddedCoordinator(options, transport);
        }
        catch
        {
            options.Store?.Dispose();
            throw;
        }

        coordinator.News += news;
        coordinator._owner.Start();
        return coordinator;
    }

    /// <summary>Says what the run is about, to those that ask before they join; the first word counts.</summary>
    /// <exception cref="ArgumentException">It is longer than a message can be.</exception>
    public void SetCharter(ReadOnlyMemory<byte> charter)
    {
        if (charter.Length > ControlCheck.MaxCharterLength)
        {
            throw new ArgumentException($"a charter has at most {ControlCheck.MaxCharterLength} bytes, not {charter.Length}", nameof(charter));
        }

        Volatile.Write(ref _charter, charter.ToArray());
        _poller.Wake();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _poller.Wake();
        if (Thread.CurrentThread != _owner)
        {
            _owner.Join();
        }
    }

    private void Own()
    {
        try
        {
            TellStart();
            while (!_stopping)
            {
                while (!_stopping && DriveOnce())
                {
                }

                Watch();
                _poller.Wait(_nextTick - Now);
            }
        }
        catch (Exception bug)
        {
            // Of this class or of a handler of News. The process may have more to do, so it is told and not torn down.
            Break(bug);
        }
        finally
        {
            foreach (var stream in _streams.Values)
            {
                stream.Link.Dispose();
            }

            foreach (var arrival in _arrivals)
            {
                arrival.Frames.Dispose();
            }

            _listener.Dispose();
            _worker?.Dispose();
            _options.Store?.Dispose();
            _poller.Dispose();
        }
    }

    private void Break(Exception bug)
    {
        if (_options.Logger is { } logger)
        {
            CoordinatorLog.Broke(logger, bug);
        }

        try
        {
            Tell(new RunNews(RunNewsKind.Failed, Text: $"the coordinator broke: {bug.Message}"));
        }
        catch (Exception)
        {
            // The handler is what broke; there is nobody else to tell.
        }
    }

    private bool DriveOnce()
    {
        var now = Now;
        var moved = false;
        if (Interlocked.Exchange(ref _charter, null) is { } charter)
        {
            _machine?.TakeCharter(charter);
        }

        if (now >= _nextTick)
        {
            _nextTick = now + TickInterval;
            Step(now, new RunEvent(RunEventKind.Tick));
        }

        moved |= TakeStored(now);
        while (!_isDeposed && _listener.TryAccept(out var connection))
        {
            moved = true;
            if (_arrivals.Count < MaxArrivals)
            {
                _arrivals.Add(new Arrival(new FrameConnection(connection), now + _options.HandshakeTimeout));
            }
            else
            {
                connection.Abort();
            }
        }

        foreach (var arrival in _arrivals.ToArray())
        {
            moved |= Greet(now, arrival);
        }

        foreach (var stream in _streams.Values.ToArray())
        {
            moved |= Drive(now, stream);
        }

        return moved;
    }

    private bool Greet(TimeSpan now, Arrival arrival)
    {
        var status = arrival.Frames.TryReadPreamble(out var theirs);
        if (status == FrameStatus.WouldBlock && now < arrival.Until)
        {
            return false;
        }

        _arrivals.Remove(arrival);
        if (status != FrameStatus.Ready)
        {
            Log($"closed a connection from {arrival.Frames.Connection.Remote}: {arrival.Frames.Failure ?? "no preamble came"}");
            arrival.Frames.Dispose();
            return true;
        }

        var verdict = Judge(theirs!);
        arrival.Frames.Queue(new Preamble
        {
            Run = _options.Run, Purpose = StreamPurpose.Control, Status = verdict, View = _machine?.View?.Id ?? default,
        }.ToArray());
        if (verdict != PreambleStatus.Ok)
        {
            Log($"refused {theirs!.Member} from {arrival.Frames.Connection.Remote}: {verdict}"
                + $" (run {theirs.Run}, protocol {theirs.Major}.{theirs.Minor})");
            arrival.Frames.Flush(out _);
            arrival.Frames.Dispose();
            return true;
        }

        var stream = new MemberStream(
            _nextStream++, theirs!.Member, new ControlLink(arrival.Frames, theirs), now + _options.HandshakeTimeout);
        _streams.Add(stream.Number, stream);
        return true;
    }

    private PreambleStatus Judge(Preamble theirs) =>
        theirs.Major != Preamble.CurrentMajor ? PreambleStatus.OtherVersion
        : theirs.Run != _options.Run ? PreambleStatus.OtherRun
        : theirs.Purpose != StreamPurpose.Control ? PreambleStatus.Refused
        : PreambleStatus.Ok;

    private bool Drive(TimeSpan now, MemberStream stream)
    {
        var alive = stream.Link.Drive(() => { }, message => Received(now, stream, message), out var moved);
        if (moved)
        {
            _machine?.Heard(stream.Number, now);
        }

        var isMute = !stream.IsGreeted && now > stream.GreetsUntil;
        var isOver = !alive || isMute || (stream.ClosesAt is { } at && (now > at || !stream.Link.Frames!.HasPending));
        if (!isOver)
        {
            return moved;
        }

        _streams.Remove(stream.Number);
        stream.Link.Dispose();
        if (!stream.IsGreeted)
        {
            Log($"closed the stream of {stream.Member}, which did not say HELLO: {stream.Link.Failure ?? "it was silent"}");
        }
        else if (stream.ClosesAt is null)
        {
            Step(now, new RunEvent(RunEventKind.StreamClosed, stream.Number, stream.Member, Text: stream.Link.Failure));
        }

        return true;
    }

    private void Received(TimeSpan now, MemberStream stream, ControlMessage message)
    {
        if (stream.ClosesAt is not null)
        {
            return;
        }

        if (stream.IsGreeted)
        {
            Step(now, new RunEvent(RunEventKind.Message, stream.Number, stream.Member, message));
        }
        else if (message.BodyCase == ControlMessage.BodyOneofCase.Hello)
        {
            stream.IsGreeted = true;
            Step(now, new RunEvent(RunEventKind.StreamOpened, stream.Number, stream.Member, message));
        }
    }

    private void Step(TimeSpan now, in RunEvent happened)
    {
        _actions.Clear();
        if (_machine is not null)
        {
            _machine.Step(now, happened, _actions);
        }
        else
        {
            _reconstruction!.Step(now, happened, _actions);
        }

        foreach (var action in _actions)
        {
            CarryOut(now, action);
        }
    }

    private void CarryOut(TimeSpan now, in RunAction action)
    {
        switch (action.Kind)
        {
            case RunActionKind.Send:
                if (action.Message!.Welcome is { Started: true })
                {
                    // Somebody comes while others train: what happens for the first time then would hold them up.
                    Rehearsal.BeginOnce();
                }

                if (_streams.TryGetValue(action.Stream, out var target))
                {
                    target.Link.Send(action.Message);
                    target.Link.Frames!.Flush(out _);
                }

                break;
            case RunActionKind.CloseStream:
                if (_streams.TryGetValue(action.Stream, out var closing))
                {
                    closing.ClosesAt = now + LastWords;
                }

                break;
            case RunActionKind.ViewAnnounced:
                Log($"announced {action.View!.Id} with {string.Join(", ", action.View.Members)}: {action.Text}");
                Tell(new RunNews(
                    RunNewsKind.ViewAnnounced, View: action.View.Id, Members: action.View.Members, Text: action.Text));
                break;
            case RunActionKind.MemberJoined:
                Tell(new RunNews(RunNewsKind.MemberJoined, action.Member, View: action.View!.Id, Text: action.Text));
                break;
            case RunActionKind.Notice:
                Log(action.Text!);
                Tell(new RunNews(RunNewsKind.Notice, action.Member, Text: action.Text));
                break;
            case RunActionKind.MemberGone:
                Tell(new RunNews(RunNewsKind.MemberGone, action.Member, Text: action.Text));
                break;
            case RunActionKind.Note:
                var note = action.Message!.Note;
                Tell(new RunNews(RunNewsKind.Note, action.Member, Text: note.Topic, Json: note.Json));
                break;
            case RunActionKind.Finished:
                Tell(new RunNews(RunNewsKind.Finished, Text: action.Text));
                break;
            case RunActionKind.Failed:
                Tell(new RunNews(RunNewsKind.Failed, Text: action.Text));
                break;
            case RunActionKind.Store or RunActionKind.CheckStore or RunActionKind.Rebuilt or RunActionKind.Trouble or RunActionKind.Deposed:
                CarryOutRecord(action);
                break;
            default:
                Log(action.Text ?? action.Kind.ToString());
                break;
        }
    }

    private void Tell(RunNews news) => News?.Invoke(news);

    private void Log(string text)
    {
        Tell(new RunNews(RunNewsKind.Log, Text: text));
        if (_options.Logger is { } logger)
        {
            CoordinatorLog.Message(logger, text);
        }
    }

    private void Watch()
    {
        var wanted = new HashSet<Connection>();
        foreach (var arrival in _arrivals)
        {
            Want(arrival.Frames);
        }

        foreach (var stream in _streams.Values)
        {
            Want(stream.Link.Frames!);
        }

        foreach (var connection in _watched)
        {
            if (!wanted.Contains(connection))
            {
                _poller.Unwatch(connection);
            }
        }

        _watched.Clear();
        _watched.UnionWith(wanted);

        void Want(FrameConnection frames)
        {
            _poller.Watch(frames.Connection, read: true, write: frames.HasPending);
            wanted.Add(frames.Connection);
        }
    }

    private sealed record Arrival(FrameConnection Frames, TimeSpan Until);

    private sealed class MemberStream(long number, MemberId member, ControlLink link, TimeSpan greetsUntil)
    {
        public long Number { get; } = number;

        public MemberId Member { get; } = member;

        public ControlLink Link { get; } = link;

        public bool IsGreeted { get; set; }

        public TimeSpan GreetsUntil { get; } = greetsUntil;

        /// <summary>Set when the machine is done with the stream: what is queued goes out, nothing more is read.</summary>
        public TimeSpan? ClosesAt { get; set; }
    }
}

/// <summary>Log events of coordinators.</summary>
internal static partial class CoordinatorLog
{
    [LoggerMessage(EventId = 3001, EventName = "Coordinator", Level = LogLevel.Information, Message = "coordinator: {Text}")]
    public static partial void Message(ILogger logger, string text);

    [LoggerMessage(EventId = 3002, EventName = "CoordinatorBroke", Level = LogLevel.Critical, Message = "the coordinator broke")]
    public static partial void Broke(ILogger logger, Exception bug);
}
