using Crossnode.Collectives.Plans;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Engine;

/// <summary>One member's collectives: the member machine's decisions carried out on buffers and frames.</summary>
/// <remarks>
/// No sockets, no clock, one thread at a time: a session drives it over TCP, the simulator over a virtual network.
/// <c>.Sending</c> picks the next frame of a link, <c>.Receiving</c> finds the memory of the bytes that come.
/// </remarks>
public sealed partial class CollectiveEngine : IDisposable
{
    private readonly MemberMachine _machine;
    private readonly MemberOptions _member;
    private readonly EngineOptions _options;
    private readonly IEngineHost _host;
    // Tags in flight at once in training, a few shapes each.
    private const int MostKits = 16;

    private readonly ScratchPool _pool = new();
    private readonly List<OperationKit> _kits = [];
    private readonly Dictionary<(uint Tag, long Sequence), EngineOperation> _operations = [];
    private readonly List<EngineOperation> _started = [];
    private readonly Stack<List<MemberAction>> _lists = [];
    private readonly Queue<EngineOperation> _complete = [];
    private bool _isCompleting;
    private TopologyContext _topology;
    private LinkTraffic[] _links = [];
    private string? _endReason;
    private TimeSpan _tickedAt;

    /// <summary>Makes an engine that belongs to no view yet.</summary>
    public CollectiveEngine(MemberOptions member, EngineOptions options, IEngineHost host)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.ChunkBytes is <= 0 or > FrameHeader.MaxDataLength || options.ChunkBytes % sizeof(double) != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.ChunkBytes, $"a chunk is a multiple of {sizeof(double)} bytes, at most {FrameHeader.MaxDataLength}");
        }

        _member = member;
        _options = options;
        _host = host;
        _machine = new MemberMachine(member);
    }

    /// <summary>The view that links and transfers belong to; null before the first.</summary>
    /// <remarks>The machine's own view is ahead of it while the actions of an install are carried out: what commits
    /// then, commits with the members of the view that ends.</remarks>
    public View? View => _topology.View;

    /// <summary>This member's rank; -1 before the first view.</summary>
    public int Rank => View is null ? -1 : _topology.Book.Rank;

    /// <summary>This member's identity; before the first view it may be unassigned.</summary>
    public MemberId Self => _machine.Self;

    /// <summary>The number that the next operation of a tag gets, if no view comes before it.</summary>
    public long NextSequence(uint tag) => _machine.NextSequence(tag);

    /// <summary>Whether the view is frozen.</summary>
    public bool IsFrozen => _machine.IsFrozen;

    /// <summary>Why this process is out of the run; null while it is in.</summary>
    public string? EndReason => _endReason;

    /// <summary>Whether the others put this process out.</summary>
    public bool WasEvicted => _machine.WasEvicted;

    /// <summary>Says that this member needs a view, of whom it waits for one, and what for; null when it needs none.</summary>
    public string? WaitText => _endReason is null ? _machine.WaitText(_tickedAt) : null;

    /// <summary>Bytes of elements handed to links, by tag.</summary>
    public Dictionary<uint, TrafficCounters> Traffic { get; } = [];

    /// <summary>The decisions; only to be looked at.</summary>
    internal MemberMachine Machine => _machine;

    private bool Has(ProtocolRules rule) => (_member.Rules & rule) != 0;

    /// <summary>Calls a group; the outcome may be there at once.</summary>
    public EngineOperation Submit(
        TimeSpan now, OperationGroup group, OperationOptions options, Action<EngineOperation>? completed = null)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(options);
        CheckWeight(group.Weight);
        CheckOptions(options);
        if (group.Parts.Count > ushort.MaxValue)
        {
            throw new ArgumentException($"a group has at most {ushort.MaxValue} parts, not {group.Parts.Count}", nameof(group));
        }

        var operation = new EngineOperation(group, options, TakeKit(group, options), DeadlineOf(now, options), _pool)
        {
            Completed = completed,
        };
        if (_endReason is not null)
        {
            operation.Fail(ErrorKind.Membership, $"no operation can start: {_endReason}", ViewId.None);
            return operation;
        }

        var actions = Rent();
        operation.Sequence = _machine.Submit(options.Tag, TagModes.Of(options), actions);
        _operations.Add((options.Tag, operation.Sequence), operation);
        CarryOut(now, actions);
        return operation;
    }

    /// <summary>Gives an operation up on every member; it ends with the next view (R16).</summary>
    public void Condemn(TimeSpan now, EngineOperation operation, ErrorKind kind, string text)
    {
        ArgumentNullException.ThrowIfNull(operation);
        if (operation.Outcome is null && !operation.IsCondemned)
        {
            operation.IsCondemned = true;
            Step(now, new MemberEvent(
                MemberEventKind.Condemn, Tag: operation.Options.Tag, Sequence: operation.Sequence, Error: kind, Text: text));
        }
    }

    /// <summary>Time passed: heartbeats, silence, deadlines. To be called at least every tenth of a second or so.</summary>
    public void Tick(TimeSpan now)
    {
        _tickedAt = now;
        Step(now, new MemberEvent(MemberEventKind.Tick));
        foreach (var operation in _operations.Values)
        {
            if (now > operation.Deadline && !operation.IsCondemned)
            {
                Condemn(now, operation, ErrorKind.Deadline, $"{Self} gave up: {Describe(operation)}");
                break; // The next tick takes the next one; the dictionary may have changed.
            }
        }
    }

    /// <summary>The control stream is open.</summary>
    public void ControlUp(TimeSpan now) => Step(now, new MemberEvent(MemberEventKind.ControlUp));

    /// <summary>The control stream is closed or could not be opened.</summary>
    public void ControlDown(TimeSpan now, string? text = null) => Step(now, new MemberEvent(MemberEventKind.ControlDown, Text: text));

    /// <summary>A message came from the coordinator.</summary>
    public void Control(TimeSpan now, ControlMessage message) =>
        Step(now, new MemberEvent(MemberEventKind.Control, Message: message));

    /// <summary>Notes a sign of life on the link to a rank.</summary>
    public void Heard(int rank, TimeSpan now) => _machine.Heard(rank, now);

    /// <summary>Notes a sign of life on the control stream.</summary>
    public void HeardControl(TimeSpan now) => _machine.HeardControl(now);

    /// <summary>Whether the link to a rank of the installed view may still open.</summary>
    public bool MayOpen(int rank) => _machine.MayOpen(rank);

    /// <summary>The link to a rank is open.</summary>
    public void LinkUp(TimeSpan now, int rank)
    {
        Step(now, new MemberEvent(MemberEventKind.LinkUp, rank));
        _host.WantSend(rank);
    }

    /// <summary>The link to a rank broke or could not be opened.</summary>
    public void LinkDown(TimeSpan now, int rank, string reason) =>
        Step(now, new MemberEvent(MemberEventKind.LinkDown, rank, Text: reason));

    /// <summary>The peer left the view in an orderly way; this member will hear from the coordinator.</summary>
    public void LinkFrozen(TimeSpan now, int rank) => Step(now, new MemberEvent(MemberEventKind.LinkFrozen, rank));

    /// <inheritdoc cref="MemberMachine.Hosts" />
    public IReadOnlyList<MemberRecord> Hosts => _machine.Hosts;

    /// <summary>Whether the run had started when this process came, and it has not been admitted yet.</summary>
    public bool IsExpected => _machine.IsExpected && _machine.View is null;

    /// <summary>Says that this process may be admitted to a run that has started.</summary>
    public void Ready(TimeSpan now) => Step(now, new MemberEvent(MemberEventKind.Ready));

    /// <summary>Asks to leave the run; ends with <see cref="IEngineHost.Ended"/>.</summary>
    public void Leave(TimeSpan now) => Step(now, new MemberEvent(MemberEventKind.Leave));

    /// <summary>Ends here and now without a word to anyone; pending operations end as unknown.</summary>
    public void Abandon(string reason) => End(ErrorKind.Membership, reason);

    /// <inheritdoc />
    public void Dispose()
    {
        if (_endReason is null)
        {
            Abandon("the session was disposed");
        }

        ClearKits();
        _pool.Dispose();
    }

    /// <summary>Says what an operation waits for, naming peers and phase.</summary>
    public string Describe(EngineOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        var name = $"{operation.Descriptor.Text} (tag {operation.Options.Tag}, number {operation.Sequence})";
        if (View is null)
        {
            return $"{name} waits for the run's first view";
        }

        if (IsFrozen)
        {
            return $"{name} waits for the view after {View.Id} ({WaitText})";
        }

        if (!operation.IsStarted)
        {
            return $"{name} waits for earlier operations of its tag";
        }

        var waiting = operation.IsDataComplete ? "commit barrier" : "data";
        var peers = operation.IsDataComplete ? string.Empty : $" from {MissingPeers(operation)}";
        var view = WaitText is { } text ? $" ({text})" : string.Empty;
        return $"{name} waits in phase {waiting}{peers} of {View.Id}{view}";
    }

    private TimeSpan DeadlineOf(TimeSpan now, OperationOptions options)
    {
        var timeout = options.Timeout ?? _options.OperationTimeout;
        return timeout < TimeSpan.MaxValue - now ? now + timeout : TimeSpan.MaxValue;
    }

    // Members compare what they called with one another; here a caller is held to its own first call.
    private void CheckOptions(OperationOptions options)
    {
        if (options.OnViewChange is not (OnViewChange.Retry or OnViewChange.Report))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.OnViewChange, "use Retry or Report");
        }

        if (_machine.OnViewChangeOf(options.Tag) is var first && first != 0 && first != TagModes.Of(options))
        {
            throw new ArgumentException(
                $"the first operation of tag {options.Tag} is {(first == TagMode.BestEffort ? "best effort" : $"to {(OnViewChange)first} on a view change")},"
                + " so all of that tag are; use another tag for the others",
                nameof(options));
        }

        if (options.Timeout <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Timeout, "a timeout is longer than 0");
        }
    }

    private static void CheckWeight(double weight)
    {
        if (!(weight >= 0 && weight <= 1 << 20) || (weight > 0 && weight < 1 / EngineOperation.WeightScale))
        {
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight is 0, or from 2^-32 to 2^20");
        }
    }

    private string MissingPeers(EngineOperation operation)
    {
        var missing = new SortedSet<MemberId>();
        foreach (var transfer in operation.Transfers)
        {
            if (!transfer.IsDataComplete)
            {
                foreach (var source in transfer.Sources)
                {
                    missing.Add(View!.Members[source]);
                }
            }
        }

        return string.Join(", ", missing);
    }

    private void Step(TimeSpan now, in MemberEvent happened)
    {
        var actions = Rent();
        _machine.Step(now, happened, actions);
        CarryOut(now, actions);
    }

    private List<MemberAction> Rent() => _lists.Count > 0 ? _lists.Pop() : [];

    private void CarryOut(TimeSpan now, List<MemberAction> actions)
    {
        for (var index = 0; index < actions.Count; index++)
        {
            var action = actions[index];
            CarryOut(now, action);
        }

        actions.Clear();
        _lists.Push(actions);
    }

    private void CarryOut(TimeSpan now, in MemberAction action)
    {
        switch (action.Kind)
        {
            case MemberActionKind.SendControl:
                _host.SendControl(action.Message!);
                break;
            case MemberActionKind.ConnectControl:
                _host.ConnectControl(action.Rank);
                break;
            case MemberActionKind.CloseControl:
                _host.CloseControl();
                break;
            case MemberActionKind.Install:
                Install(action.View!);
                break;
            case MemberActionKind.Freeze:
                Freeze();
                break;
            case MemberActionKind.CloseLink:
                _host.CloseLink(action.Rank);
                break;
            case MemberActionKind.SendHeartbeat:
                Enqueue(action.Rank, new FrameHeader { Type = FrameType.Heartbeat });
                break;
            case MemberActionKind.SendToken:
                Enqueue(action.Rank, _operations[(action.Tag, action.Sequence)].Descriptor.Fields with
                {
                    Type = FrameType.Token, Tag = action.Tag, Sequence = action.Sequence, Step = action.Round,
                });
                break;
            case MemberActionKind.StartOperation:
                Start(now, _operations[(action.Tag, action.Sequence)]);
                break;
            case MemberActionKind.Commit:
                // A commit that a new view brings is of the view before, whose members took part: Install comes after it.
                Take(action.Tag, action.Sequence)?.Succeed(_topology.View);
                break;
            case MemberActionKind.Abort:
                Take(action.Tag, action.Sequence)?.Fail(action.Error, action.Text ?? "aborted", View?.Id ?? ViewId.None);
                break;
            case MemberActionKind.End:
                End(action.Error, action.Text!);
                break;
            case MemberActionKind.Probe:
                _host.Probe(action.Message!.Probe);
                break;
            case MemberActionKind.Notice:
                _host.Notice(action.Text!);
                break;
            case MemberActionKind.Log:
                _host.Log(action.Text!);
                break;
            default:
                Invariant.Fail($"unknown action {action.Kind}");
                break;
        }
    }

    private OperationKit TakeKit(OperationGroup group, OperationOptions options)
    {
        for (var index = _kits.Count - 1; index >= 0; index--)
        {
            var kit = _kits[index];
            if (kit.Fits(group, options))
            {
                _kits.RemoveAt(index);
                return kit;
            }
        }

        return new OperationKit(group, options);
    }

    // The last ones are found first; a program that calls ever other shapes loses the oldest.
    private void PutKitBack(OperationKit kit)
    {
        _kits.Add(kit);
        if (_kits.Count > MostKits)
        {
            _kits[0].Clear();
            _kits.RemoveAt(0);
        }
    }

    private void ClearKits()
    {
        foreach (var kit in _kits)
        {
            kit.Clear();
        }
    }

    private EngineOperation? Take(uint tag, long sequence)
    {
        if (_operations.Remove((tag, sequence), out var operation))
        {
            PutKitBack(operation.Kit);
            _started.Remove(operation);
            _early.Remove((tag, sequence));
        }

        return operation;
    }

    private void Install(View view)
    {
        StopAll();
        ClearKits();
        var book = new PlanBook(TopologyPlan.From(view.Links), _machine.Rank);
        _topology = new TopologyContext(view, book, new Picks(book, _options.ChunkBytes));
        _links = new LinkTraffic[view.Members.Count];
        for (var rank = 0; rank < _links.Length; rank++)
        {
            _links[rank] = new LinkTraffic();
        }

        _host.OpenLinks(view);
    }

    private void Freeze()
    {
        _host.FreezeLinks();
        StopAll();
    }

    private void StopAll()
    {
        foreach (var operation in _started)
        {
            if (!operation.IsDataComplete)
            {
                operation.StopTransfers();
            }
        }

        _started.Clear();
        _early.Clear();
    }

    private void Start(TimeSpan now, EngineOperation operation)
    {
        if (operation.Start(_topology) is { } error)
        {
            Condemn(now, operation, ErrorKind.Membership, error);
            return;
        }

        _started.Add(operation);
        var key = (operation.Options.Tag, operation.Sequence);
        SendCredits(operation);
        if (_early.Remove(key, out var early))
        {
            Replay(now, operation, early);
        }

        CheckDataComplete(now, operation);
        WantSends(operation);
    }

    private void CheckDataComplete(TimeSpan now, EngineOperation operation)
    {
        if (!operation.BecameDataComplete())
        {
            return;
        }

        if (!Has(ProtocolRules.R5))
        {
            operation.DropSnapshots();
        }

        // One after another, not one within another: with one member left, thousands may follow from the first.
        _complete.Enqueue(operation);
        if (_isCompleting)
        {
            return;
        }

        _isCompleting = true;
        try
        {
            while (_complete.TryDequeue(out var next))
            {
                Step(now, new MemberEvent(MemberEventKind.DataComplete, Tag: next.Options.Tag, Sequence: next.Sequence));
            }
        }
        finally
        {
            _isCompleting = false;
        }
    }

    private void End(ErrorKind kind, string reason)
    {
        _endReason = reason;
        _host.Ended(reason);
        StopAll();
        var pending = _operations.Values.ToArray();
        _operations.Clear();
        foreach (var operation in pending)
        {
            operation.StopTransfers();
            operation.Fail(kind, $"{reason}; the others may or may not have done {operation.Descriptor.Text}", ViewId.None);
        }
    }
}
