using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>One process that serves the run: the machines of the product behind virtual control streams.</summary>
internal sealed class CoordinatorProcess
{
    private readonly Cluster _cluster;
    private readonly SimulatedCoordinator _site;
    private readonly Dictionary<long, CoordinatorStream> _streams = [];
    private readonly Stack<List<RunAction>> _lists = [];
    private readonly int _number;
    private readonly HashSet<MemberId> _declaredDead = [];
    private RunReconstruction? _reconstruction;

    public CoordinatorProcess(Cluster cluster, SimulatedCoordinator site, int node, int number, bool reconstructs)
    {
        _cluster = cluster;
        _site = site;
        Node = node;
        _number = number;
        if (reconstructs)
        {
            _reconstruction = new RunReconstruction(OptionsOf(0));
        }
        else
        {
            Serve(site.Store.Claim(null));
        }
    }

    public int Node { get; }

    /// <summary>Null while it makes the record again.</summary>
    public RunMachine? Machine { get; private set; }

    public bool IsReconstructing => _reconstruction is not null;

    public IReadOnlyList<MemberRecord> Awaited => _reconstruction?.Awaited ?? [];

    /// <summary>Neither killed nor deposed.</summary>
    public bool IsAlive { get; private set; } = true;

    public bool IsStopped => _cluster.Conditions.IsStopped(Node);

    public void Tick()
    {
        if (IsAlive && !IsStopped)
        {
            Step(new RunEvent(RunEventKind.Tick));
        }
    }

    /// <summary>A write that it waited for is over. A stopped process finds out when it goes on.</summary>
    public void Stored(in RunEvent happened)
    {
        if (!IsAlive || Machine is null)
        {
            return;
        }

        if (IsStopped)
        {
            _site.Late.Add((this, happened));
            return;
        }

        Step(happened);
    }

    /// <summary>Whoever runs it knows that a member is dead.</summary>
    public void Declare(MemberId member)
    {
        if (IsAlive && _declaredDead.Add(member))
        {
            Step(new RunEvent(RunEventKind.DeclaredDead, Member: member));
        }
    }

    /// <summary>Kills it; silently: nothing answers from its machine any more.</summary>
    public void Kill(bool silently)
    {
        IsAlive = false;
        Close(silently);
        _cluster.Conditions.Kill(Node);
        if (silently)
        {
            _cluster.Conditions.Vanish(Node);
        }
    }

    public void Take(CoordinatorStream stream, Socket socket, in Packet packet)
    {
        var id = socket.Connection.Id;
        switch (packet.Kind)
        {
            case PacketKind.Preamble:
                stream.Socket = socket;
                _cluster.Network.Send(socket, new Packet { Kind = PacketKind.Reply });
                break;
            case PacketKind.Control when packet.Message.BodyCase == ControlMessage.BodyOneofCase.Hello:
                _streams[id] = stream;
                _cluster.Trace.Add(TraceKind.Stream, _cluster.Now, stream.Index, id);
                CoverageOfRestarts.CountHello(_cluster, this, packet.Message);
                Step(new RunEvent(RunEventKind.StreamOpened, id, stream.Member, packet.Message));
                break;
            case PacketKind.Control:
                Step(new RunEvent(RunEventKind.Message, id, stream.Member, packet.Message));
                break;
            default:
                if (_streams.Remove(id))
                {
                    Step(new RunEvent(RunEventKind.StreamClosed, id, stream.Member));
                }

                break;
        }
    }

    private RunOptions OptionsOf(ulong term) => new()
    {
        ExpectedMembers = _cluster.Schedule.Members,
        Nonce = ((ulong)_cluster.Schedule.Seed * 31) + 7 + ((ulong)_number << 48),
        StartTimeout = TimeSpan.FromSeconds(30),
        HeartbeatInterval = Timings.Heartbeat,
        EvictAfter = Timings.EvictAfter,
        ReattachFor = Timings.ReattachFor,
        Grace = Timings.Grace,
        GatherFor = Timings.GatherFor,
        LostAfter = Timings.LostAfter,
        ProbeFor = Timings.ProbeFor,
        PrepareAgain = Timings.AskAgainAfter,
        MinMembers = _cluster.Schedule.MinMembers,
        Term = term,
        Rules = _cluster.Rules,
    };

    private void Serve(RunRecord record)
    {
        Machine = new RunMachine(OptionsOf(record.Term), record);
        if (Machine.View is { } view)
        {
            _site.TookUp(view);
        }
    }

    private void Close(bool silently)
    {
        foreach (var connection in _cluster.Network.Connections.ToArray())
        {
            foreach (var end in connection.Ends)
            {
                if (end.Node == Node)
                {
                    end.Owner = null;
                    if (!silently)
                    {
                        _cluster.Network.Abort(end);
                    }
                }
            }
        }

        _streams.Clear();
    }

    private void Step(in RunEvent happened)
    {
        var actions = _lists.Count > 0 ? _lists.Pop() : [];
        var machine = Machine;
        var before = (machine?.Phase ?? RunPhase.Forming, machine?.View);
        if (machine is not null)
        {
            machine.Step(new TimeSpan(_cluster.Now), happened, actions);
        }
        else
        {
            _reconstruction!.Step(new TimeSpan(_cluster.Now), happened, actions);
        }

        foreach (var action in actions)
        {
            CarryOut(action);
            CoverageOfRun.Count(_cluster, happened, action);
        }

        actions.Clear();
        _lists.Push(actions);
        if (machine is not null)
        {
            CoverageOfRun.Count(_cluster, machine, happened, before.Item1, before.View);
        }
    }

    private void CarryOut(in RunAction action)
    {
        _cluster.Trace.Add(TraceKind.RunAction, _cluster.Now, (int)action.Kind, action.Stream, (long)(action.Message?.BodyCase ?? 0));
        switch (action.Kind)
        {
            case RunActionKind.Send:
                Send(action);
                break;
            case RunActionKind.CloseStream:
                if (_streams.Remove(action.Stream, out var closing))
                {
                    _cluster.Network.Close(closing.Socket!);
                }

                break;
            case RunActionKind.Store:
                _site.Store.Write(this, action.Record!);
                _cluster.Happened(Trigger.Store, -1);
                break;
            case RunActionKind.CheckStore:
                _site.Store.Check(this, Machine!.Term);
                break;
            case RunActionKind.ViewAnnounced:
                _cluster.Log(Node, $"announces {action.View!.Id}: {action.View.Record}; {action.Text}");
                _site.Announce(action.View);
                break;
            case RunActionKind.Finished:
                _site.HasFinished = true;
                _cluster.Met(CoveragePoint.CoordinatorFinished);
                break;
            case RunActionKind.Deposed:
                _cluster.Log(Node, $"steps down: {action.Text}");
                _cluster.Met(CoveragePoint.CoordinatorDeposed);
                IsAlive = false;
                _cluster.Conditions.Kill(Node);
                break;
            case RunActionKind.Rebuilt:
                _cluster.Log(Node, action.Text!);
                _cluster.Met(CoveragePoint.RecordRebuilt);
                Rebuild(action.Record!);
                break;
            default:
                _cluster.Log(Node, action.Text ?? action.Kind.ToString());
                break;
        }
    }

    private void Rebuild(RunRecord record)
    {
        _reconstruction = null;
        foreach (var stream in _streams.Values)
        {
            _cluster.Network.Close(stream.Socket!);
        }

        _streams.Clear();
        _site.Rebuilt(new View(record.View));
        Serve(_site.Store.Claim(record));
        var actions = new List<RunAction>();
        foreach (var member in _declaredDead)
        {
            Machine!.Step(new TimeSpan(_cluster.Now), new RunEvent(RunEventKind.DeclaredDead, Member: member), actions);
        }

        foreach (var action in actions)
        {
            CarryOut(action);
        }
    }

    private void Send(in RunAction action)
    {
        if (!_streams.TryGetValue(action.Stream, out var stream))
        {
            return;
        }

        _cluster.Log(Node, $"to process {stream.Index}", action.Message!);
        _cluster.Network.Send(stream.Socket!, new Packet { Kind = PacketKind.Control, Body = action.Message });
        if (action.Message!.BodyCase == ControlMessage.BodyOneofCase.Prepare)
        {
            _cluster.Happened(Trigger.Prepare, stream.Index);
        }
        else if (action.Message.BodyCase == ControlMessage.BodyOneofCase.NewView)
        {
            _cluster.Happened(Trigger.NewView, stream.Index);
        }
    }
}

/// <summary>A control stream at the coordinator's end.</summary>
internal sealed class CoordinatorStream(SimulatedCoordinator site, int node, MemberId member, int index) : ISocketOwner
{
    private CoordinatorProcess? _process;

    /// <summary>The process at the other end.</summary>
    public int Index { get; } = index;

    public MemberId Member { get; } = member;

    public Socket? Socket { get; set; }

    public bool CanTake(in Packet packet) => true;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet)
    {
        // Whoever listens there by now.
        _process ??= site.At(node);
        _process?.Take(this, socket, packet);
    }
}
