using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Faults;
using Crossnode.Simulation.Invariants;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Network;
using Crossnode.Simulation.Schedules;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation;

/// <summary>A whole run in one thread: members, coordinator, network, faults, checks, on one virtual clock.</summary>
/// <remarks>This file holds the parts together; <c>.Loop</c> takes what is due and decides when all is over.</remarks>
internal sealed partial class Cluster
{
    private readonly SimulationOptions _options;
    private readonly FaultInjector _faults;
    private readonly Epilogue _epilogue;
    private readonly IInvariant[] _invariants;
    private readonly List<Violation> _violations = [];
    private readonly List<SimulatedMember> _judging = [];
    private long _mustEndBy = long.MaxValue;

    public Cluster(SimulationOptions options, Schedule schedule, Arena arena)
    {
        _options = options;
        Schedule = schedule;
        Arena = arena;
        Oracle = new Oracle(schedule, arena, index => Members[index].Id);
        var random = new DeterministicRandom(new DeterministicRandom((ulong)schedule.Seed ^ 0x5851F42D4C957F2D).NextUInt64());
        Conditions = MakeConditions(schedule, random);
        Network = new VirtualNetwork(Queue, Conditions, random);
        Health = new Health(schedule.Processes, schedule.Members);
        _faults = new FaultInjector(this);
        _epilogue = new Epilogue(this);
        _invariants = [new ViewChain(this), new ResultBits(this), new InputsKept(this), new TagOrder(this), new HealthyStay(this), new Progress(this)];
        Members = new SimulatedMember[schedule.Processes];
        for (var index = 0; index < Members.Length; index++)
        {
            Members[index] = new SimulatedMember(this, index);
            if (index < schedule.Members)
            {
                Members[index].Start(new MemberId((uint)index));
            }

            Queue.Add(random.NextInt64(Timings.Tick.Ticks), DueKind.MemberTick, index, Members[index]);
        }

        Coordinator = new SimulatedCoordinator(this);
        Queue.Add(0, DueKind.CoordinatorTick, 0, null);
        Queue.Add(Timings.Heal.Ticks, DueKind.Heal, 0, null);
        _faults.Plan();
    }

    public Schedule Schedule { get; }

    public ProtocolRules Rules => _options.Rules;

    public long Now { get; private set; }

    public EventQueue Queue { get; } = new();

    public Trace Trace { get; } = new();

    public Coverage Coverage { get; } = new();

    public Arena Arena { get; }

    public Oracle Oracle { get; }

    public Conditions Conditions { get; }

    public VirtualNetwork Network { get; }

    public Health Health { get; }

    /// <summary>All processes; those that come later are not born yet.</summary>
    public SimulatedMember[] Members { get; private set; } = [];

    /// <summary>The process with an incarnation.</summary>
    public SimulatedMember Process(ulong incarnation) => Members[(int)(incarnation - SimulatedMember.FirstIncarnation)];

    /// <summary>The node of a member of a view.</summary>
    public int NodeOf(View view, uint member) => Process(view.Incarnations[view.RankOf(new MemberId(member))]).Index;

    public SimulatedCoordinator Coordinator { get; }

    /// <summary>The first of the coordinators' machines.</summary>
    public int CoordinatorNode => Members.Length;

    /// <summary>Links that have something to send, or room to send it.</summary>
    public Queue<LinkEnd> Dirty { get; } = new();

    /// <summary>Members whose program goes on.</summary>
    public List<SimulatedMember> Continuing { get; } = [];

    public bool IsOver { get; private set; }

    /// <summary>Whether all faults are over.</summary>
    public bool IsHealed { get; private set; }

    public void Met(CoveragePoint point) => Coverage.Met(point);

    public void Violate(string invariant, string text)
    {
        IsOver = true;
        _violations.Add(new Violation(invariant, $"{text} (at {new TimeSpan(Now).TotalSeconds:0.000000} s)"));
    }

    public void Log(int who, string text) => _options.Log?.Invoke($"{new TimeSpan(Now).TotalMilliseconds,10:0.000} {Name(who)} {text}");

    public void Log(int who, string what, ControlMessage message)
    {
        if (_options.Log is not null && message.BodyCase != ControlMessage.BodyOneofCase.Heartbeat)
        {
            Log(who, $"{what} {Short(message)}");
        }
    }

    public void Happened(Trigger trigger, int member, int other = -1) => _faults.Happened(trigger, member, other);

    public void Judge(SimulatedMember member) => _judging.Add(member);

    public void Resume(int index)
    {
        var member = Members[index];
        if (member.IsAlive && !member.IsStopped)
        {
            member.Resume();
            member.MustJudge = true;
            Judge(member);
        }
    }

    public void Called(SimulatedMember member, Call call)
    {
        _faults.Called(member.Index, call.Tag, call.Index);
        foreach (var invariant in _invariants)
        {
            invariant.Called(member, call);
        }
    }

    public void Completed(SimulatedMember member, Call call)
    {
        var outcome = call.Outcome!;
        Trace.Add(TraceKind.Outcome, Now, member.Index, ((long)call.Tag << 32) | (uint)call.Index, (long)outcome.Status, outcome.View.Epoch);
        Log(member.Index, $"{outcome.Status} number {call.Sequence} of tag {Schedule.Tags[call.Tag].Tag}: {outcome.Error?.Message}");
        Happened(Trigger.Outcome, member.Index);
        if (call.Script.HeldBackAt >= 0)
        {
            Continuing.Add(Members[call.Script.HeldBackAt]);
        }

        CoverageOfOutcomes.Count(this, member, call);
        foreach (var invariant in _invariants)
        {
            invariant.Completed(member, call);
        }
    }

    public void Installed(SimulatedMember member, View view)
    {
        Judge(member);
        foreach (var invariant in _invariants)
        {
            invariant.Installed(member, view);
        }

        member.Installed.Add(view);
        Met(CoveragePoint.MemberRunning);
        Happened(Trigger.Install, member.Index);
    }

    public void Announced(View view)
    {
        Health.Announced(Now);
        foreach (var member in view.Record.Members)
        {
            if (member.Joined == view.Id.Epoch)
            {
                Health.Joined(Process(member.Incarnation).Index, Now);
            }
        }

        CoverageOfViews.Count(this, view);
        foreach (var invariant in _invariants)
        {
            invariant.Announced(view);
        }
    }

    /// <summary>The record was made again.</summary>
    public void TookUp(View view)
    {
        foreach (var invariant in _invariants)
        {
            invariant.TookUp(view);
        }
    }

    public void MemberEnded(SimulatedMember member, string reason)
    {
        Met(member.HasLeft ? CoveragePoint.MemberLeft : CoveragePoint.MemberEvicted);
        foreach (var invariant in _invariants)
        {
            invariant.Ended(member, reason);
        }
    }

    private string Name(int who) => who < 0 ? "          " : who >= CoordinatorNode ? $"coordinator {who - CoordinatorNode + 1}" : $"member {who}";

    // Views are logged where they are announced.
    private static string Short(ControlMessage message) => message.BodyCase switch
    {
        ControlMessage.BodyOneofCase.Prepare => $"PREPARE round {message.Prepare.Round} of {message.Prepare.View.Id.ToId()}",
        ControlMessage.BodyOneofCase.NewView => $"NEWVIEW {message.NewView.View.Id.ToId()}",
        _ => message.ToString(),
    };

    private static Conditions MakeConditions(Schedule schedule, DeterministicRandom random)
    {
        var nodes = schedule.Processes + 1;
        var conditions = new Conditions(schedule.Processes + SimulatedCoordinator.Nodes, schedule.JitterPercent, schedule.TicksPerByte);
        for (var a = 0; a < nodes; a++)
        {
            for (var b = 0; b < nodes; b++)
            {
                conditions.SetLatency(a, b, (schedule.LatencyTicks / 2) + random.NextInt64(schedule.LatencyTicks));
            }
        }

        // The other machine for coordinators stands beside the first.
        for (var node = 0; node < schedule.Processes; node++)
        {
            conditions.SetLatency(node, nodes, conditions.BaseLatency(node, schedule.Processes));
            conditions.SetLatency(nodes, node, conditions.BaseLatency(schedule.Processes, node));
        }

        return conditions;
    }
}
