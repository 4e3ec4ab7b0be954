using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Members;

/// <summary>All decisions of one member: views, freezing, the commit barrier, abort and roll-forward.</summary>
/// <remarks>
/// Pure: no clock, no I/O, one thread at a time. A shell feeds events and carries out the actions in order. Facets: this
/// file dispatches; <c>.Streams</c> keeps the control stream; <c>.Views</c> freezes and installs; <c>.Operations</c> numbers operations and
/// runs the barrier. The rules R1 to R21 are explained in docs/reference/protocol.md.
/// </remarks>
public sealed partial class MemberMachine
{
    private readonly MemberOptions _options;
    private readonly SortedDictionary<uint, TagState> _tags = [];
    private LinkState[] _links = [];
    private bool _ended;
    private bool _leaving;
    private bool _waits;
    private TimeSpan _lastTick;
    private TimeSpan _nextHeartbeat;
    private TimeSpan? _needsViewSince;

    /// <summary>Makes a member that belongs to no view yet.</summary>
    public MemberMachine(MemberOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        Self = options.Self;
        _waits = options.Waits;
    }

    /// <summary>This member's identity; until the first view it may be one that the coordinator has yet to give.</summary>
    public MemberId Self { get; private set; }

    /// <summary>Whether the run had started when this process came, and it has not been admitted yet.</summary>
    public bool IsExpected { get; private set; }

    /// <summary>The members of the run that it waits to be admitted to, as they were when it came.</summary>
    public IReadOnlyList<MemberRecord> Hosts { get; private set; } = [];

    /// <summary>The installed view; null before the first.</summary>
    public View? View { get; private set; }

    /// <summary>This member's rank in the installed view; -1 before the first.</summary>
    public int Rank { get; private set; } = -1;

    /// <summary>Whether PREPARE was answered and NEWVIEW has not come (R1).</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Whether this process has left or was evicted.</summary>
    public bool HasEnded => _ended;

    /// <summary>Whether the coordinator put it out of the run: it may come back as a newcomer (R9).</summary>
    public bool WasEvicted { get; private set; }

    /// <summary>Whether this member has called all it will ever call and asked to leave.</summary>
    public bool IsLeaving => _leaving;

    private bool Has(ProtocolRules rule) => (_options.Rules & rule) != 0;

    /// <summary>Notes that something was heard on the link to a rank; cheap enough for every frame.</summary>
    public void Heard(int rank, TimeSpan now)
    {
        if ((uint)rank < (uint)_links.Length)
        {
            _links[rank].Heard = now;
        }
    }

    /// <summary>Takes one event and appends what must be done.</summary>
    public void Step(TimeSpan now, in MemberEvent happened, List<MemberAction> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        if (_ended)
        {
            return;
        }

        switch (happened.Kind)
        {
            case MemberEventKind.Tick:
                Tick(now, actions);
                break;
            case MemberEventKind.ControlUp:
                ControlUp(now, actions);
                break;
            case MemberEventKind.ControlDown:
                ControlDown(now, happened.Text ?? "");
                break;
            case MemberEventKind.Control:
                _controlHeard = now;
                if (IsOfThisTerm(now, happened.Message!, actions))
                {
                    OnControl(now, happened.Message!, actions);
                }

                break;
            case MemberEventKind.LinkUp:
                LinkUp(now, happened.Rank);
                break;
            case MemberEventKind.LinkDown:
                LinkDown(now, happened.Rank, happened.Text ?? "closed", actions);
                break;
            case MemberEventKind.LinkFrozen:
                LinkFrozen(happened.Rank, actions);
                break;
            case MemberEventKind.Token:
                OnToken(happened, actions);
                break;
            case MemberEventKind.DataComplete:
                OnDataComplete(happened.Tag, happened.Sequence, actions);
                break;
            case MemberEventKind.Condemn:
                Condemn(now, happened, actions);
                break;
            case MemberEventKind.Ready:
                _waits = false;
                if (View is null)
                {
                    actions.Add(Send(new ControlMessage { Ready = new Ready() }));
                }

                break;
            case MemberEventKind.Leave:
                _leaving = true;
                actions.Add(Send(new ControlMessage { Leave = new Leave() }));
                break;
            default:
                Invariant.Fail($"unknown event {happened.Kind}");
                break;
        }
    }

    private static MemberAction Send(ControlMessage message) => new(MemberActionKind.SendControl, Message: message);

    private void OnControl(TimeSpan now, ControlMessage message, List<MemberAction> actions)
    {
        switch (message.BodyCase)
        {
            case ControlMessage.BodyOneofCase.Prepare:
                OnPrepare(now, message.Prepare, actions);
                break;
            case ControlMessage.BodyOneofCase.NewView:
                OnNewView(now, message.NewView.View, actions);
                break;
            case ControlMessage.BodyOneofCase.Evicted:
                OnEvicted(message.Evicted, actions);
                break;
            case ControlMessage.BodyOneofCase.Welcome when View is null:
                Self = _options.Self == MemberId.Unassigned ? new MemberId(message.Welcome.Member) : Self;
                IsExpected |= message.Welcome.Started;
                Hosts = message.Welcome.Members;
                break;
            case ControlMessage.BodyOneofCase.Probe:
                actions.Add(new MemberAction(MemberActionKind.Probe, Message: message));
                break;
            case ControlMessage.BodyOneofCase.Recall when View is not null:
                actions.Add(Send(new ControlMessage { Recalled = MakeRecalled() }));
                break;
            case ControlMessage.BodyOneofCase.Notice:
                actions.Add(new MemberAction(MemberActionKind.Notice, Text: message.Notice.Text));
                break;
            default:
                break; // Heartbeats, and what a later minor version adds.
        }
    }

    private void OnEvicted(Evicted evicted, List<MemberAction> actions)
    {
        var view = evicted.View.ToId();
        if (View is not null && view.Epoch < View.Id.Epoch && !evicted.Left)
        {
            return; // A verdict of a coordinator that was deposed.
        }

        var verdict = View is null ? "not admitted to the run" : "evicted from the run";
        WasEvicted = View is not null && !evicted.Left;
        End(evicted.Left ? "left the run" : $"{verdict}: {evicted.Reason}", actions);
    }

    private void End(string reason, List<MemberAction> actions)
    {
        _ended = true;
        actions.Add(new MemberAction(MemberActionKind.End, Error: ErrorKind.Membership, Text: reason));
    }

    private void Tick(TimeSpan now, List<MemberAction> actions)
    {
        ForgiveOwnPause(now);
        if (now >= _nextHeartbeat)
        {
            _nextHeartbeat = now + _options.HeartbeatInterval;
            SendHeartbeats(actions);
        }

        CheckControl(now, actions);
        TellIfAway(now, actions);
        CheckLinks(now, actions);
        CheckPatience(now, actions);
    }

    // A machine that was suspended, or a process that was stopped, has heard nobody for a while: that says nothing
    // about the others, so the gap is not held against them.
    private void ForgiveOwnPause(TimeSpan now)
    {
        var gap = now - _lastTick;
        _lastTick = now;
        if (gap <= _options.DialTimeout / 3)
        {
            return;
        }

        _controlHeard += gap;
        _connectingSince += gap;
        _awaySince += gap;
        foreach (ref var link in _links.AsSpan())
        {
            link.Heard += gap;
            link.OpenedSince += gap;
        }

        _needsViewSince += gap;
    }

    private void SendHeartbeats(List<MemberAction> actions)
    {
        if (_controlUp)
        {
            actions.Add(Send(new ControlMessage { Heartbeat = new Heartbeat() }));
        }

        for (var rank = 0; rank < _links.Length; rank++)
        {
            if (_links[rank].Status == LinkStatus.Up)
            {
                actions.Add(new MemberAction(MemberActionKind.SendHeartbeat, rank));
            }
        }
    }

    private void CheckPatience(TimeSpan now, List<MemberAction> actions)
    {
        if (!NeedsView())
        {
            _needsViewSince = null;
            return;
        }

        _needsViewSince ??= now;
        if (now - _needsViewSince > _options.GiveUpAfter)
        {
            End(
                (View is null ? "" : "outcome unknown: ")
                + $"waited {_options.GiveUpAfter.TotalSeconds:0} s for the coordinator to announce a view"
                + (_controlUp ? "" : $", and it cannot be reached ({AwayText(now)})") + WhyWaiting(),
                actions);
        }
    }

    private bool NeedsView() =>
        IsFrozen || _reports.Count > 0 || _condemned.Count > 0 || (_leaving && !_ended) || (View is null && !_controlUp);
}
