using Crossnode.Collectives.Engine;
using Crossnode.Core;
using Crossnode.Protocol;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Members;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Members;

/// <summary>One process: the engine of the product, with a virtual network in place of a session.</summary>
/// <remarks>
/// <c>.Links</c> and <c>.Control</c> open, accept and close connections as <c>Session</c> does; <c>.Calls</c> is the program
/// that calls operations.
/// </remarks>
internal sealed partial class SimulatedMember : IEngineHost
{
    public const ulong FirstIncarnation = 1000;

    private readonly Cluster _cluster;

    public SimulatedMember(Cluster cluster, int index)
    {
        _cluster = cluster;
        Index = index;
        Incarnation = FirstIncarnation + (ulong)index;
        Engine = MakeEngine(MemberId.Unassigned);
        _callers = MakeCallers();
    }

    public int Index { get; }

    /// <summary>Its number; one that came without may have to wait for it.</summary>
    public MemberId Id => Engine.Self;

    public ulong Incarnation { get; }

    public CollectiveEngine Engine { get; private set; }

    public Schedule Schedule => _cluster.Schedule;

    public VirtualNetwork Network => _cluster.Network;

    public TimeSpan Time => new(_cluster.Now);

    /// <summary>The process was started.</summary>
    public bool IsBorn { get; private set; }

    /// <summary>It came after the first view, or wanted to.</summary>
    public bool IsNewcomer => Index >= Schedule.Members;

    /// <summary>The process was killed, or its machine is gone.</summary>
    public bool IsDead { get; private set; }

    /// <summary>Why the engine says that it is out of the run.</summary>
    public string? EndReason { get; private set; }

    /// <summary>When it died or was out of the run.</summary>
    public long GoneAt { get; private set; }

    /// <summary>It left as it had asked, and had handed in its commit points before.</summary>
    public bool HasLeft => EndReason?.StartsWith("left", StringComparison.Ordinal) == true;

    /// <summary>Whether it takes part to the end.</summary>
    public bool IsAlive => IsBorn && !IsDead && EndReason is null;

    /// <summary>Whether it was a member at some time.</summary>
    public bool WasMember => Installed.Count > 0;

    /// <summary>Whether its number outlives it: a launcher gave it, or a view holds it (R14).</summary>
    public bool HasNumber => !IsNewcomer || WasMember;

    /// <summary>Whether a view of that epoch or an earlier one came with it.</summary>
    public bool JoinedBy(long epoch) => !IsNewcomer || (WasMember && Installed[0].Id.Epoch <= epoch);

    /// <summary>Whether anything happened in the engine since this was last cleared.</summary>
    public bool IsTouched { get; set; }

    /// <summary>The views that it installed, in order.</summary>
    public List<View> Installed { get; } = [];

    public bool IsStopped => _cluster.Conditions.IsStopped(Index);

    public bool Has(ProtocolRules rule) => (_cluster.Rules & rule) != 0;

    /// <summary>Starts the process, with a number or without.</summary>
    public void Start(MemberId self)
    {
        if (self != MemberId.Unassigned)
        {
            Engine.Dispose();
            EndReason = null;
            Engine = MakeEngine(self);
        }

        IsBorn = true;
    }

    private CollectiveEngine MakeEngine(MemberId self)
    {
        var options = new MemberOptions
        {
            Self = self,
            Incarnation = Incarnation,
            Endpoint = $"member-{Index}:1",
            HeartbeatInterval = Timings.Heartbeat,
            EvictAfter = Timings.EvictAfter,
            DialTimeout = Timings.DialTimeout,
            ReconnectAfter = Timings.ReconnectAfter,
            ReconnectAtMost = Timings.ReconnectAtMost,
            Coordinators = ["the first", "the second"],
            GiveUpAfter = Timings.GiveUpAfter,
            MaxInFlightPerTag = Schedule.MaxInFlightPerTag,
            Rules = _cluster.Rules,
        };
        var engine = new EngineOptions
        {
            ChunkBytes = Schedule.ChunkBytes,
            EagerBytes = Schedule.EagerBytes,
            EagerWindowBytes = Schedule.EagerWindowBytes,
            OperationTimeout = Timings.NoDeadline,
        };
        return new CollectiveEngine(options, engine, this);
    }

    public void Tick()
    {
        if (!IsAlive || IsStopped)
        {
            return;
        }

        IsTouched = true;
        Engine.Tick(Time);
    }

    /// <summary>Kills the process; with <paramref name="silently"/> its machine goes with it.</summary>
    public void Kill(bool silently)
    {
        if (IsDead || !IsBorn)
        {
            return;
        }

        IsDead = true;
        GoneAt = _cluster.Now;
        if (silently)
        {
            _cluster.Conditions.Vanish(Index);
        }

        _cluster.Conditions.Kill(Index);
        foreach (var connection in Network.Connections.ToArray())
        {
            foreach (var end in connection.Ends)
            {
                if (end.Node == Index)
                {
                    end.Owner = null;
                    Network.Abort(end);
                }
            }
        }

        Engine.Dispose();
    }

    public void SendControl(ControlMessage message)
    {
        if (_control is not { IsOpen: true } control)
        {
            return;
        }

        _cluster.Trace.Add(TraceKind.Control, _cluster.Now, Index, (long)message.BodyCase, Detail(message));
        _cluster.Log(Index, "sends", message);
        Network.Send(control.Socket!, new Packet { Kind = PacketKind.Control, Body = message });
        switch (message.BodyCase)
        {
            case ControlMessage.BodyOneofCase.Answer:
                _cluster.Happened(Trigger.Answer, Index);
                break;
            case ControlMessage.BodyOneofCase.Hello when Engine.View is null:
                _cluster.Met(CoveragePoint.MemberForming);
                break;
            case ControlMessage.BodyOneofCase.LinkReport:
                _cluster.Met(CoveragePoint.MemberWaiting);
                _cluster.Happened(Trigger.Report, Index);
                break;
            case ControlMessage.BodyOneofCase.ChangeRequest:
                _cluster.Met(CoveragePoint.MemberWaiting);
                _cluster.Happened(Trigger.Condemned, Index);
                break;
            default:
                break;
        }
    }

    public void Notice(string text)
    {
        if (text.Contains("can be called by no other", StringComparison.Ordinal))
        {
            _cluster.Met(CoveragePoint.NewcomerNotCallable);
        }

        Log(text);
    }

    public void Log(string text) => _cluster.Log(Index, text);

    public void Ended(string reason)
    {
        EndReason = reason;
        GoneAt = _cluster.Now;
        if (!IsBorn || IsDead || _cluster.IsOver)
        {
            return;
        }

        _cluster.Trace.Add(TraceKind.Ended, _cluster.Now, Index);
        _cluster.Log(Index, $"is out: {reason}");
        FreezeLinks();
        CloseEverything();
        _cluster.Conditions.Kill(Index); // It no longer listens.
        _cluster.MemberEnded(this, reason);
    }

    private static long Detail(ControlMessage message) => message.BodyCase switch
    {
        ControlMessage.BodyOneofCase.Answer => (long)message.Answer.Round,
        ControlMessage.BodyOneofCase.LinkReport => message.LinkReport.Member,
        ControlMessage.BodyOneofCase.Hello => message.Hello.View?.Epoch ?? 0,
        _ => 0,
    };
}
