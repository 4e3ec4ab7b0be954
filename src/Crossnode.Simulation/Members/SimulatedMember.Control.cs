using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>The control stream.</summary>
internal sealed partial class SimulatedMember
{
    private ControlEnd? _control;

    /// <summary>The connection to the coordinator, if there is one.</summary>
    public Connection? ControlConnection => _control?.Socket?.Connection;

    public void ConnectControl(int address)
    {
        CloseControl();
        var node = _cluster.CoordinatorNode + address;
        Log($"dials the coordinator's address {address}");
        _control = new ControlEnd(this);
        var greeting = new Greeting(Id, Incarnation, Engine.View?.Id ?? ViewId.None, StreamPurpose.Control);
        _control.Socket = Network.Dial(
            Index, node, greeting, _control, _cluster.Coordinator.AcceptStream(node, Id, Index));
        _cluster.Queue.Add(_cluster.Now + Timings.DialTimeout.Ticks, DueKind.DialTimeout, Index, _control);
    }

    public void CloseControl()
    {
        if (_control is { } control)
        {
            _control = null;
            Network.Close(control.Socket!);
        }
    }

    /// <summary>A dial that nobody answered is given up, as the system does.</summary>
    public void DialTimedOut(ControlEnd control)
    {
        if (_control == control && !control.IsOpen && IsAlive)
        {
            LoseControl();
        }
    }

    public void TakeControl(ControlEnd control, in Packet packet)
    {
        if (_control != control)
        {
            return;
        }

        IsTouched = true;
        Engine.HeardControl(Time);
        switch (packet.Kind)
        {
            case PacketKind.Reply:
                control.IsOpen = true;
                Engine.ControlUp(Time);
                break;
            case PacketKind.Control:
                _cluster.Log(Index, "gets", packet.Message);
                Observe(packet.Message);
                Engine.Control(Time, packet.Message);
                break;
            default:
                LoseControl();
                break;
        }
    }

    private void LoseControl()
    {
        Log("loses its control stream");
        CloseControl();
        IsTouched = true;
        Engine.ControlDown(Time);
    }

    private void CloseEverything()
    {
        foreach (var dialled in _dialled)
        {
            Network.Close(dialled.Socket!);
        }

        foreach (var accepted in _accepted)
        {
            Network.Close(accepted.Socket!);
        }

        foreach (var probe in _probes)
        {
            Network.Close(probe.Socket!);
        }

        _dialled.Clear();
        _accepted.Clear();
        _probes.Clear();
        CloseControl();
    }

    // Counts in which state PREPARE finds this member.
    private void Observe(ControlMessage message)
    {
        if (message.BodyCase == ControlMessage.BodyOneofCase.NewView && message.NewView.View.Id.ToId() == Engine.View?.Id)
        {
            _cluster.Met(CoveragePoint.NewViewSentAgain);
        }

        if (message.BodyCase != ControlMessage.BodyOneofCase.Prepare || Engine.View is null)
        {
            return;
        }

        var prepare = message.Prepare;
        if (prepare.View.Predecessor.ToId() == Engine.View.Id)
        {
            _cluster.Met(CoveragePoint.MemberCaughtUpByPrepare);
        }

        if (Engine.IsFrozen || prepare.View.Id.ToId() != Engine.View.Id)
        {
            if (prepare.View.Id.ToId() == Engine.View.Id)
            {
                _cluster.Met(CoveragePoint.PrepareRepeated);
            }

            return;
        }

        foreach (var caller in _callers)
        {
            Observe(caller);
        }
    }

    private void Observe(Caller caller)
    {
        if (HasCommittedAlone(caller))
        {
            _cluster.Met(CoveragePoint.PrepareAfterCommitHereOnly);
        }

        for (var index = 0; index < caller.Calls.Length; index++)
        {
            if (caller.Calls[index] is not { } call)
            {
                _cluster.Met(CoveragePoint.PrepareWhileNotCalled);
                return;
            }

            if (Engine.Machine.StateOf(caller.Script.Tag, call.Sequence) is { } state)
            {
                _cluster.Met(PointOf(state));
            }
        }
    }

    // Where links keep frames in order, an operation that has passed its barrier commits at once; what matters is that it
    // may not have passed elsewhere.
    private bool HasCommittedAlone(Caller caller)
    {
        for (var index = caller.Calls.Length - 1; index >= 0; index--)
        {
            if (caller.Calls[index]?.Outcome is { Status: OperationStatus.Completed } outcome)
            {
                return outcome.View == Engine.View!.Id && Array.Exists(
                    _cluster.Members,
                    other => other.IsAlive && outcome.Incarnations.Contains(other.Incarnation)
                        && other.Callers[caller.Tag].Calls[index] is { Outcome: null });
            }
        }

        return false;
    }

    private CoveragePoint PointOf(OperationState state) => state.Phase switch
    {
        OperationPhase.Waiting => CoveragePoint.PrepareWhileWaiting,
        OperationPhase.Running => CoveragePoint.PrepareWhileRunning,
        OperationPhase.BarrierPassed => CoveragePoint.PrepareAfterCommitHereOnly,
        _ when state.Round < 0 => CoveragePoint.PrepareWhileDataComplete,
        _ when !Engine.View!.Barrier.IsDissemination => CoveragePoint.PrepareInTreeUp,
        _ when state.Round == 0 => CoveragePoint.PrepareInRound0,
        _ when state.Round == 1 => CoveragePoint.PrepareInRound1,
        _ => CoveragePoint.PrepareInRound2,
    };
}
