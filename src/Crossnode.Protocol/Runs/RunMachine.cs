using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>All decisions of the coordinator about one run: who is a member, when a view ends, and what the next one says.</summary>
/// <remarks>
/// Pure: no clock, no I/O, one thread at a time. A shell feeds events and carries out the actions in order. Facets: this file
/// dispatches and watches the time; <c>.Streams</c> reads HELLO and messages; <c>.Joins</c> takes newcomers; <c>.Changes</c> asks
/// and closes; <c>.Decide</c> makes the next view; <c>.Records</c> stores it and goes on from it. The rules R1 to R21 are explained in docs/reference/protocol.md.
/// </remarks>
public sealed partial class RunMachine
{
    private readonly RunOptions _options;
    private readonly SortedDictionary<MemberId, Seat> _seats = [];
    private readonly SortedDictionary<long, Seat> _streams = [];
    private readonly SortedDictionary<MemberId, (string Text, bool Left, ulong Incarnation)> _former = [];
    private readonly LinkReports _reports = new();
    private int _expected;
    private TimeSpan? _startBy;
    private TimeSpan? _lastStep;
    private TimeSpan _nextHeartbeat;
    private string _endText = "";

    /// <summary>Makes the coordinator of a run that nobody has joined yet.</summary>
    public RunMachine(RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.ExpectedMembers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MinMembers);
        _options = options;
        _expected = options.ExpectedMembers;
        Charter = options.Charter;
        _nextMember = options.GivesFirstNumbers ? 0 : (uint)options.ExpectedMembers;
    }

    /// <summary>Where the run stands.</summary>
    public RunPhase Phase { get; private set; } = RunPhase.Forming;

    /// <summary>What the run is about, as its first process said; empty until then.</summary>
    public ReadOnlyMemory<byte> Charter { get; private set; }

    /// <summary>Whether PREPARE was sent and NEWVIEW was not.</summary>
    public bool IsPreparing => Phase == RunPhase.Preparing;

    /// <summary>Whether all members have left, the run failed, or another coordinator serves it.</summary>
    public bool HasEnded => Phase is RunPhase.Finished or RunPhase.Failed or RunPhase.Deposed;

    /// <summary>The last view that was announced; null before the first.</summary>
    public View? View { get; private set; }

    /// <summary>The last round of PREPARE; rounds never repeat within a run.</summary>
    public ulong Round { get; private set; }

    /// <summary>Notes that something was heard on a stream; cheap enough for every frame.</summary>
    public void Heard(long stream, TimeSpan now)
    {
        if (_streams.TryGetValue(stream, out var seat) && seat.Stream == stream)
        {
            seat.Heard = now;
        }
        else if (_applicants.TryGetValue(stream, out var applicant))
        {
            applicant.Heard = now;
        }
    }

    /// <summary>Takes one event and appends what must be done.</summary>
    public void Step(TimeSpan now, in RunEvent happened, List<RunAction> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        ForgiveOwnPause(now);
        AwaitMembers(now);
        _startBy ??= now + _options.StartTimeout;
        switch (happened.Kind)
        {
            case RunEventKind.Tick:
                Tick(now, actions);
                break;
            case RunEventKind.StreamOpened:
                Opened(now, happened.Stream, happened.Member, happened.Message!, actions);
                break;
            case RunEventKind.StreamClosed:
                Closed(now, happened.Stream, happened.Text, actions);
                break;
            case RunEventKind.Message:
                Heard(happened.Stream, now);
                if (_streams.TryGetValue(happened.Stream, out var seat))
                {
                    OnMessage(now, happened.Stream, seat, happened.Message!, actions);
                }
                else if (_applicants.TryGetValue(happened.Stream, out var applicant))
                {
                    OnMessage(now, applicant, happened.Message!, actions);
                }

                break;
            case RunEventKind.Stored:
                OnStored(now, actions);
                break;
            case RunEventKind.StoreFailed:
                OnStoreFailed(now, happened.Text ?? "", actions);
                break;
            case RunEventKind.StoreNewer:
                OnStoreNewer(happened.Term, actions);
                break;
            case RunEventKind.DeclaredDead:
                Bury(now, happened.Member, actions);
                break;
            default:
                Invariant.Fail($"unknown event {happened.Kind}");
                break;
        }
    }

    // A coordinator of its own waits for its first process as long as it takes.
    private bool IsOpenEnded => _options.ExpectedMembers == 0 && _seats.Count == 0;

    private bool Has(ProtocolRules rule) => (_options.Rules & rule) != 0;

    private static string Name(MemberId member) => $"{member} (worker {member.Value})";

    private static string Seconds(TimeSpan time) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");

    private void Send(long stream, ControlMessage message, List<RunAction> actions)
    {
        message.Term = _options.Term;
        actions.Add(new RunAction(RunActionKind.Send, stream, Message: message));
    }

    private static void Log(string text, List<RunAction> actions) =>
        actions.Add(new RunAction(RunActionKind.Log, Text: text));

    private void Tick(TimeSpan now, List<RunAction> actions)
    {
        if (HasEnded)
        {
            return;
        }

        SendHeartbeats(now, actions);
        CheckStore(now, actions);
        CheckApplicants(now, actions);
        switch (Phase)
        {
            case RunPhase.Forming when IsOpenEnded:
                _startBy = now + _options.StartTimeout;
                break;
            case RunPhase.Forming when now >= _startBy:
                FailToStart(actions);
                break;
            case RunPhase.Stable:
                CheckSilence(now, actions);
                CheckReattached(now, actions);
                StartIfGathered(now, actions);
                break;
            case RunPhase.Storing:
                StoreAgain(now, actions);
                break;
            case RunPhase.Preparing:
                if (!LoseIfAllAway(now, actions))
                {
                    TryClose(now, actions);
                    AskAgain(now, actions);
                }

                break;
            default:
                break;
        }
    }

    // A coordinator that was suspended has heard nobody for a while: that says nothing about the members. Looked at on every
    // event, since the first one after the pause may ask who was silent or away.
    private void ForgiveOwnPause(TimeSpan now)
    {
        var gap = now - (_lastStep ?? now);
        _lastStep = now;
        if (gap <= _options.Grace / 3)
        {
            return;
        }

        foreach (var seat in _seats.Values)
        {
            seat.Forgive(gap, now);
        }

        ForgiveApplicants(gap, now);

        _startBy += gap;
        _gatherUntil += gap;
        _preparedAt += gap;
        _askedAllAt += gap;
        _askAgainAt += gap;
        _reattachUntil += gap;
        if (gap > _options.Grace)
        {
            AwaitMembersAgain(now);
        }
    }

    private void SendHeartbeats(TimeSpan now, List<RunAction> actions)
    {
        if (now < _nextHeartbeat)
        {
            return;
        }

        _nextHeartbeat = now + _options.HeartbeatInterval;
        var heartbeat = new ControlMessage { Heartbeat = new Heartbeat() };
        foreach (var seat in _seats.Values)
        {
            if (seat.Stream is { } stream)
            {
                Send(stream, heartbeat, actions);
            }
        }

        foreach (var stream in _applicants.Keys)
        {
            Send(stream, heartbeat, actions);
        }
    }

    private void CheckSilence(TimeSpan now, List<RunAction> actions)
    {
        foreach (var seat in _seats.Values)
        {
            if (IsSilent(seat, now))
            {
                StartChange(now, $"nothing heard from {Name(seat.Member)} for {Seconds(now - seat.Heard)}", actions);
                return;
            }
        }
    }

    private bool IsSilent(Seat seat, TimeSpan now) => seat.Stream is not null && now - seat.Heard > _options.EvictAfter;

    private void FailToStart(List<RunAction> actions)
    {
        if (_options.GivesFirstNumbers)
        {
            Fail(
                $"the run did not start: {_seats.Count} of {_expected} workers came within"
                + $" {Seconds(_options.StartTimeout)}",
                actions);
            return;
        }

        var missing = Enumerable.Range(0, _expected)
            .Where(number => !_seats.ContainsKey(new MemberId((uint)number)))
            .ToList();
        var workers = missing.Count == 1 ? $"worker {missing[0]}" : $"workers {string.Join(", ", missing)}";
        Fail(
            $"the run did not start: {workers} did not come within {Seconds(_options.StartTimeout)}"
            + $" ({_seats.Count} of {_expected} are here)",
            actions);
    }

    private void Fail(string text, List<RunAction> actions)
    {
        Phase = RunPhase.Failed;
        _endText = text;
        foreach (var seat in _seats.Values)
        {
            if (seat.Stream is { } stream)
            {
                Refuse(stream, text, left: false, actions);
            }
        }

        RefuseApplicants(text, actions);
        _seats.Clear();
        _streams.Clear();
        StoreEnd(actions);
        actions.Add(new RunAction(RunActionKind.Failed, Text: text));
    }

    private void Refuse(long stream, string reason, bool left, List<RunAction> actions)
    {
        _streams.Remove(stream);
        _applicants.Remove(stream);
        var evicted = new Evicted { View = (View?.Id ?? ViewId.None).ToRecord(), Reason = reason, Left = left };
        Send(stream, new ControlMessage { Evicted = evicted }, actions);
        actions.Add(new RunAction(RunActionKind.CloseStream, stream, Text: "the process is not a member"));
    }
}
