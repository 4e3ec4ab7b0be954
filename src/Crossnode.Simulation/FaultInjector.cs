using Crossnode.Core;
using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation;

/// <summary>Begins and ends the faults of a schedule.</summary>
internal sealed class FaultInjector(Cluster cluster)
{
    // A link dialled over a slower path may not open in time; a stream may not come back in time.
    private static readonly long SlowForLinks = TimeSpan.FromMilliseconds(80).Ticks;
    private static readonly long SlowForStreams = TimeSpan.FromMilliseconds(40).Ticks;

    private static readonly long Never = TimeSpan.FromHours(1).Ticks;

    private readonly int[] _counts = new int[Enum.GetValues<Trigger>().Length];
    private readonly List<Fault> _waiting = [];
    private readonly List<Fault> _active = [];
    private readonly HashSet<int> _begun = [];
    private bool _isHealed;

    private int Coordinator => cluster.CoordinatorNode;

    public void Plan()
    {
        foreach (var fault in cluster.Schedule.Faults)
        {
            if (fault.Trigger == Trigger.Time)
            {
                cluster.Queue.Add(fault.At, DueKind.Fault, 0, fault);
            }
            else
            {
                _waiting.Add(fault);
                if (fault.AtLatest > 0)
                {
                    cluster.Queue.Add(fault.AtLatest, DueKind.Fault, 0, fault);
                }
            }
        }
    }

    public void Happened(Trigger trigger, int member, int other = -1)
    {
        if (_isHealed || _waiting.Count == 0)
        {
            return;
        }

        var count = ++_counts[(int)trigger];
        for (var index = _waiting.Count - 1; index >= 0; index--)
        {
            var fault = _waiting[index];
            if (fault.Trigger == trigger && fault.Count == count)
            {
                _waiting.RemoveAt(index);
                cluster.Queue.Add(cluster.Now + fault.At, DueKind.Fault, 0, Aim(fault, member, other));
            }
        }
    }

    public void Called(int member, int tag, int index)
    {
        for (var waiting = _waiting.Count - 1; waiting >= 0; waiting--)
        {
            var fault = _waiting[waiting];
            if (fault.Trigger == Trigger.Called && fault.Member == member && fault.Tag == tag && fault.Operation == index)
            {
                _waiting.RemoveAt(waiting);
                cluster.Queue.Add(cluster.Now + fault.At, DueKind.Fault, 0, fault);
            }
        }
    }

    public void Begin(Fault fault)
    {
        if ((_isHealed && fault.Kind != FaultKind.Cancel) || !_begun.Add(fault.Number))
        {
            return;
        }

        _waiting.RemoveAll(waiting => waiting.Number == fault.Number);

        if (fault.Kind is FaultKind.Crash or FaultKind.Restart or FaultKind.Vanish && cluster.Coordinator.Announced.Count == 0)
        {
            // A run that has lost a worker never forms, as it should be.
            _begun.Remove(fault.Number);
            cluster.Queue.Add(cluster.Now + Timings.Tick.Ticks, DueKind.Fault, 0, fault);
            return;
        }

        cluster.Trace.Add(TraceKind.Fault, cluster.Now, (int)fault.Kind, fault.Member, fault.Other);
        cluster.Log(-1, $"fault: {fault.Kind} {fault.Member} {fault.Other} for {new TimeSpan(fault.Duration).TotalMilliseconds:0.0} ms");
        cluster.Met(CoveragePoint.FaultCrash + (int)fault.Kind);
        switch (fault.Kind)
        {
            case FaultKind.Crash:
            case FaultKind.Vanish:
                cluster.Health.Excuse(fault.Member);
                cluster.Members[fault.Member].Kill(fault.Kind == FaultKind.Vanish);
                break;
            case FaultKind.Restart:
                Restart(fault);
                break;
            case FaultKind.LinkGone:
                Apply(fault, 1);
                break;
            case FaultKind.LinkBlip:
                cluster.Health.LinkBroke(fault.Member, fault.Other);
                BreakLinks(fault.Member, fault.Other);
                break;
            case FaultKind.ControlLost:
                cluster.Health.StreamLost(fault.Member, cluster.Now);
                LoseStream(fault);

                break;
            case FaultKind.Cancel:
                cluster.Members[fault.Member].Cancel(fault.Tag, fault.Operation);
                break;
            case FaultKind.Mismatch:
            case FaultKind.Deadline:
            case FaultKind.Leave:
                break; // Part of what the members call.
            default:
                _active.Add(fault);
                Apply(fault, 1);
                cluster.Queue.Add(cluster.Now + fault.Duration, DueKind.Repair, 0, fault);
                break;
        }
    }

    public void End(Fault fault)
    {
        if (_active.Remove(fault))
        {
            cluster.Trace.Add(TraceKind.Fault, cluster.Now, -1 - (int)fault.Kind, fault.Member, fault.Other);
            cluster.Log(-1, $"repaired: {fault.Kind} {fault.Member} {fault.Other}");
            Apply(fault, -1);
            cluster.Network.KickAll(-1, after: TimeSpan.FromMilliseconds(2).Ticks);
        }
    }

    /// <summary>Ends all faults; none begins any more.</summary>
    public void Heal()
    {
        _isHealed = true;
        foreach (var fault in _active.ToArray())
        {
            End(fault);
        }
    }

    private void Apply(Fault fault, int by)
    {
        switch (fault.Kind)
        {
            case FaultKind.Stop:
                Stop(fault, by);
                break;
            case FaultKind.StopCoordinator:
                cluster.Conditions.Stop(Coordinator, by);
                break;
            case FaultKind.LinkCut:
            case FaultKind.LinkGone:
                cluster.Conditions.Cut(fault.Member, fault.Other, by);
                cluster.Health.LinkBroke(fault.Member, fault.Other);
                if (by > 0)
                {
                    BreakLinks(fault.Member, fault.Other);
                }

                break;
            case FaultKind.Isolate:
                Isolate(fault.Member, by);
                break;
            case FaultKind.OneWay:
                Block(fault.Member, fault.Other, by);
                break;
            case FaultKind.Partition:
                Partition(fault.Side, by);
                break;
            case FaultKind.CoordinatorPartition:
                PartFromCoordinator(fault, by);
                break;
            case FaultKind.Delay:
                Delay(fault.Member, fault.Duration / 4, by);
                break;
            default:
                throw new InvalidOperationException($"{fault.Kind} has no duration");
        }
    }

    private static Fault Aim(Fault fault, int member, int other)
    {
        if (!fault.Follows)
        {
            return fault;
        }

        var second = other >= 0 ? other : fault.Other == member ? fault.Member : fault.Other;
        return second == member ? fault : fault with { Member = member, Other = second };
    }

    // Kills the process; another comes under its number a little later.
    private void Restart(Fault fault)
    {
        var member = cluster.Members[fault.Member];
        if (member.IsAlive)
        {
            cluster.Health.Excuse(fault.Member);
            member.Kill(silently: false);
            cluster.Queue.Add(cluster.Now + (fault.Duration / 1000), DueKind.Newcomer, fault.Member, null);
        }
    }

    private void Stop(Fault fault, int by)
    {
        cluster.Conditions.Stop(fault.Member, by);
        Part(fault.Member, by);
        if (fault.Duration > Timings.ToleratedStop.Ticks)
        {
            cluster.Health.Excuse(fault.Member);
        }

        if (by < 0)
        {
            cluster.Resume(fault.Member);
        }
    }

    private void LoseStream(Fault fault)
    {
        if (cluster.Members[fault.Member].ControlConnection is not { } control)
        {
            return;
        }

        if (fault.Variant % 5 < 2)
        {
            cluster.Network.BreakAt(control, fault.Member, fault.Variant % 5 == 0 ? Never : fault.Duration / 4);
        }
        else
        {
            cluster.Network.Break(control);
        }
    }

    private void Isolate(int member, int by)
    {
        for (var other = 0; other < Coordinator; other++)
        {
            if (other != member)
            {
                cluster.Conditions.Cut(member, other, by);
                cluster.Health.LinkBroke(member, other);
                if (by > 0)
                {
                    BreakLinks(member, other);
                }
            }
        }
    }

    private void PartFromCoordinator(Fault fault, int by)
    {
        if (fault.Variant % 3 != 0)
        {
            cluster.Conditions.Block(fault.Member, Coordinator, by);
        }

        if (fault.Variant % 3 != 1)
        {
            cluster.Conditions.Block(Coordinator, fault.Member, by);
        }

        Part(fault.Member, by);
    }

    private void Block(int from, int to, int by)
    {
        cluster.Conditions.Block(from, to, by);
        cluster.Health.LinkBroke(from, to);
    }

    private void Partition(int side, int by)
    {
        for (var a = 0; a <= Coordinator; a++)
        {
            for (var b = 0; b < a; b++)
            {
                if ((side >> a & 1) == (side >> b & 1))
                {
                    continue;
                }

                cluster.Conditions.Block(a, b, by);
                cluster.Conditions.Block(b, a, by);
                if (a == Coordinator)
                {
                    Part(b, by);
                }
                else
                {
                    cluster.Health.LinkBroke(a, b);
                }
            }
        }
    }

    private void Delay(int member, long duration, int by)
    {
        var extra = Math.Min(duration, TimeSpan.FromMilliseconds(300).Ticks);
        for (var other = 0; other <= Coordinator; other++)
        {
            if (other == member)
            {
                continue;
            }

            cluster.Conditions.Delay(member, other, by * extra);
            cluster.Conditions.Delay(other, member, by * extra);
            if (other < Coordinator && extra > SlowForLinks)
            {
                cluster.Health.LinkBroke(member, other);
            }
        }

        if (extra > SlowForStreams)
        {
            Part(member, by);
        }
    }

    private void Part(int member, int by)
    {
        if (by > 0)
        {
            cluster.Health.CutOff(member, cluster.Now);
        }
        else
        {
            cluster.Health.Rejoined(member, cluster.Now);
        }
    }

    private void BreakLinks(int a, int b)
    {
        foreach (var connection in cluster.Network.Connections)
        {
            if (connection.IsLink && !connection.IsOver && connection.Joins(a, b))
            {
                cluster.Network.Break(connection);
            }
        }
    }
}
