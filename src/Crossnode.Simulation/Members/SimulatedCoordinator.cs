using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>The coordinator's process: the run machine of the product behind virtual control streams.</summary>
internal sealed class SimulatedCoordinator
{
    private readonly Cluster _cluster;
    private readonly Dictionary<long, CoordinatorStream> _streams = [];
    private readonly Stack<List<RunAction>> _lists = [];

    public SimulatedCoordinator(Cluster cluster)
    {
        _cluster = cluster;
        Machine = new RunMachine(new RunOptions
        {
            ExpectedMembers = cluster.Schedule.Members,
            Nonce = (ulong)cluster.Schedule.Seed * 31 + 7,
            StartTimeout = TimeSpan.FromSeconds(30),
            HeartbeatInterval = Timings.Heartbeat,
            EvictAfter = Timings.EvictAfter,
            Grace = Timings.Grace,
            GatherFor = Timings.GatherFor,
            LostAfter = Timings.LostAfter,
            ProbeFor = Timings.ProbeFor,
            PrepareAgain = Timings.AskAgainAfter,
            MinMembers = cluster.Schedule.MinMembers,
            Rules = cluster.Rules,
        });
    }

    public RunMachine Machine { get; }

    public bool HasFinished { get; private set; }

    /// <summary>All views that were announced, in order.</summary>
    public List<View> Announced { get; } = [];

    public void Tick()
    {
        if (!_cluster.Conditions.IsStopped(_cluster.CoordinatorNode))
        {
            Step(new RunEvent(RunEventKind.Tick));
        }
    }

    /// <summary>The end of a control stream that a member is about to open.</summary>
    public CoordinatorStream AcceptStream(MemberId member, int index) => new(this, member, index);

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

    private void Step(in RunEvent happened)
    {
        var actions = _lists.Count > 0 ? _lists.Pop() : [];
        var before = (Machine.Phase, Machine.View);
        Machine.Step(new TimeSpan(_cluster.Now), happened, actions);
        foreach (var action in actions)
        {
            CarryOut(action);
            CoverageOfRun.Count(_cluster, happened, action);
        }

        actions.Clear();
        _lists.Push(actions);
        CoverageOfRun.Count(_cluster, happened, before.Phase, before.View);
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
            case RunActionKind.ViewAnnounced:
                Announced.Add(action.View!);
                _cluster.Log(_cluster.CoordinatorNode, $"announces {action.View!.Id}: {action.View.Record}; {action.Text}");
                _cluster.Announced(action.View);
                break;
            case RunActionKind.Finished:
                HasFinished = true;
                _cluster.Met(CoveragePoint.CoordinatorFinished);
                break;
            default:
                _cluster.Log(_cluster.CoordinatorNode, action.Text ?? action.Kind.ToString());
                break;
        }
    }

    private void Send(in RunAction action)
    {
        if (!_streams.TryGetValue(action.Stream, out var stream))
        {
            return;
        }

        _cluster.Log(_cluster.CoordinatorNode, $"to process {stream.Index}", action.Message!);
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
internal sealed class CoordinatorStream(SimulatedCoordinator coordinator, MemberId member, int index) : ISocketOwner
{
    /// <summary>The process at the other end.</summary>
    public int Index { get; } = index;

    public MemberId Member { get; } = member;

    public Socket? Socket { get; set; }

    public bool CanTake(in Packet packet) => true;

    public void HasRoom()
    {
    }

    public void Take(Socket socket, in Packet packet) => coordinator.Take(this, socket, packet);
}
