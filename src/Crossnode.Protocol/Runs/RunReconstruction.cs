using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;

namespace Crossnode.Protocol.Runs;

/// <summary>Makes a run's record again from what its members hold, when the record is lost (R11).</summary>
/// <remarks>
/// The view that is taken up is the newest that anybody reports, and only when every member of it has come, or was declared
/// dead: one that nobody hears of might hold a newer view, of itself alone. Nothing is decided but that; members go on
/// meanwhile. Afterwards the shell closes all streams, and members come back to a <see cref="RunMachine"/> with the record.
/// </remarks>
public sealed class RunReconstruction
{
    private readonly RunOptions _options;
    private readonly SortedDictionary<long, Witness> _witnesses = [];
    private readonly SortedDictionary<(MemberId Member, ulong Incarnation), ViewId> _seen = [];
    private readonly Dictionary<ViewId, Recalled> _recalled = [];
    private readonly HashSet<MemberId> _declaredDead = [];
    private (ViewId A, ViewId B)? _fork;
    private ViewId? _newest;
    private bool _hasChanged;
    private ulong _highestTerm;
    private TimeSpan? _complainAt;
    private TimeSpan _nextHeartbeat;

    /// <summary>Begins to listen.</summary>
    public RunReconstruction(RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
    }

    /// <summary>Whether the record is there, or will never be.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The members of the newest view that have neither come nor been declared dead; empty while nobody has sent a view.</summary>
    public IReadOnlyList<MemberRecord> Awaited =>
        _newest is { } newest && _recalled.TryGetValue(newest, out var recalled) ? Missing(recalled.View) : [];

    /// <summary>Takes one event and appends what must be done: Send, CloseStream, Trouble, Log, Failed or at last Rebuilt.</summary>
    public void Step(TimeSpan now, in RunEvent happened, List<RunAction> actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        if (IsOver)
        {
            return;
        }

        switch (happened.Kind)
        {
            case RunEventKind.StreamOpened:
                Opened(now, happened.Stream, happened.Member, happened.Message!, actions);
                break;
            case RunEventKind.StreamClosed:
                _hasChanged |= _witnesses.Remove(happened.Stream);
                break;
            case RunEventKind.Message when happened.Message!.BodyCase == ControlMessage.BodyOneofCase.Recalled:
                OnRecalled(happened.Stream, happened.Message.Recalled);
                break;
            case RunEventKind.DeclaredDead:
                Bury(happened.Member);
                break;
            default:
                break;
        }

        if (_hasChanged)
        {
            _hasChanged = false;
            LookAtViews();
            TakeUp(actions);
        }

        if (!IsOver && happened.Kind == RunEventKind.Tick)
        {
            Tick(now, actions);
        }
    }

    private void Opened(TimeSpan now, long stream, MemberId member, ControlMessage message, List<RunAction> actions)
    {
        var hello = message.Hello;
        if (hello.Observes)
        {
            var status = new Status { Started = true, Text = "the coordinator waits for all members to make the run's record again" };
            actions.Add(new RunAction(RunActionKind.Send, stream, Message: new ControlMessage { Status = status }));
            actions.Add(new RunAction(RunActionKind.CloseStream, stream, Text: "it only asked how the run stands"));
            return;
        }

        _complainAt ??= now + _options.ReattachFor;
        _highestTerm = Math.Max(_highestTerm, message.Term);
        _witnesses[stream] = new Witness(member, hello.Incarnation);
        _hasChanged = true;
        if (hello.View.ToId() is var view && view != ViewId.None)
        {
            // What somebody has installed counts, also when its stream closes again.
            _seen[(member, hello.Incarnation)] = view;
            actions.Add(new RunAction(RunActionKind.Log, Text: $"{member} (worker {member.Value}) is at {view}"));
            actions.Add(new RunAction(RunActionKind.Send, stream, Message: new ControlMessage { Recall = new Recall() }));
        }
    }

    private void OnRecalled(long stream, Recalled recalled)
    {
        if (!_witnesses.TryGetValue(stream, out var witness) || recalled.View is null)
        {
            return;
        }

        // It may have moved since it said HELLO.
        var view = recalled.View.Id.ToId();
        _seen[(witness.Member, witness.Incarnation)] = view;
        _recalled[view] = recalled;
        _hasChanged = true;
    }

    // Of a number that has come again only the process that is here counts.
    private void Bury(MemberId member)
    {
        _declaredDead.Add(member);
        var here = _witnesses.Values.ToHashSet();
        foreach (var process in _seen.Keys.Where(process => process.Member == member && !here.Contains(new(member, process.Incarnation))).ToList())
        {
            _seen.Remove(process);
        }

        _hasChanged = true;
    }

    // Two views of one epoch: two coordinators have announced views, and nobody can say which one counts.
    private void LookAtViews()
    {
        var byEpoch = new Dictionary<long, ViewId>();
        _fork = null;
        _newest = null;
        foreach (var view in _seen.Values)
        {
            if (!byEpoch.TryAdd(view.Epoch, view) && byEpoch[view.Epoch] != view)
            {
                _fork = (byEpoch[view.Epoch], view);
            }

            _newest = _newest is { } newest && newest.Epoch >= view.Epoch ? newest : view;
        }
    }

    private void TakeUp(List<RunAction> actions)
    {
        if (_newest is not { } newest || !_recalled.TryGetValue(newest, out var recalled) || _fork is not null)
        {
            return;
        }

        var missing = Missing(recalled.View);
        var alive = recalled.View.Members.Count(member => !_declaredDead.Contains(new MemberId(member.Id)));
        if (alive == 0)
        {
            IsOver = true;
            actions.Add(new RunAction(
                RunActionKind.Failed,
                Text: $"the run is lost: all members of {newest} were declared dead; resume from a checkpoint under a new run id"));
            return;
        }

        var isSafe = (_options.Rules & ProtocolRules.R11) != 0
            ? missing.Count == 0
            : missing.Count * 2 < recalled.View.Members.Count;
        if (isSafe)
        {
            IsOver = true;
            var record = new RunRecord
            {
                Term = _highestTerm + 1, View = recalled.View, Expected = recalled.Expected, Charter = recalled.Charter,
            };
            actions.Add(new RunAction(RunActionKind.Rebuilt, Record: record, Text: $"took up {newest} from {alive} of its members"));
        }
    }

    // Only who is here now: one that went may meanwhile have met another coordinator.
    private List<MemberRecord> Missing(ViewRecord view)
    {
        // A newcomer that has not heard that it is one comes without its number.
        var here = _witnesses.Values.Select(static witness => witness.Incarnation).ToHashSet();
        return
        [
            .. view.Members.Where(member => !here.Contains(member.Incarnation)
                && !_declaredDead.Contains(new MemberId(member.Id))),
        ];
    }

    private void Tick(TimeSpan now, List<RunAction> actions)
    {
        if (now >= _nextHeartbeat)
        {
            _nextHeartbeat = now + _options.HeartbeatInterval;
            var heartbeat = new ControlMessage { Heartbeat = new Heartbeat() };
            foreach (var stream in _witnesses.Keys)
            {
                actions.Add(new RunAction(RunActionKind.Send, stream, Message: heartbeat));
            }
        }

        if (now >= _complainAt)
        {
            _complainAt = now + _options.ReattachFor;
            actions.Add(new RunAction(RunActionKind.Trouble, Text: Complaint()));
        }
    }

    private string Complaint()
    {
        if (_fork is { } fork)
        {
            return $"the record cannot be made again: members are at {fork.A} and at {fork.B}, so two coordinators have announced views;"
                + " end the processes of one side, and declare them dead";
        }

        if (_newest is not { } newest)
        {
            return "the record cannot be made again: no member that has a view has come";
        }

        if (!_recalled.TryGetValue(newest, out var recalled))
        {
            return $"the record cannot be made again yet: nobody has sent {newest}";
        }

        var names = string.Join(", ", Missing(recalled.View).Select(member => $"worker {member.Id} at {member.Endpoint}"));
        return $"the record cannot be made again yet: of the {recalled.View.Members.Count} members of {newest}, {names} did not come, and"
            + " might hold a newer view; start what can be started, or declare dead what is dead for sure";
    }

    private sealed record Witness(MemberId Member, ulong Incarnation);
}
