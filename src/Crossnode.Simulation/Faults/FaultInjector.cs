using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Faults;

/// <summary>Decides when the faults of a schedule begin and end.</summary>
internal sealed class FaultInjector(Cluster cluster)
{
    private readonly int[] _counts = new int[Enum.GetValues<Trigger>().Length];
    private readonly List<Fault> _waiting = [];
    private readonly List<Fault> _active = [];
    private readonly HashSet<int> _begun = [];
    private readonly FaultEffects _effects = new(cluster);
    private bool _isHealed;

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
        if (_effects.Begin(fault))
        {
            _active.Add(fault);
            cluster.Queue.Add(cluster.Now + fault.Duration, DueKind.Repair, 0, fault);
        }
    }

    public void End(Fault fault)
    {
        if (_active.Remove(fault))
        {
            cluster.Trace.Add(TraceKind.Fault, cluster.Now, -1 - (int)fault.Kind, fault.Member, fault.Other);
            cluster.Log(-1, $"repaired: {fault.Kind} {fault.Member} {fault.Other}");
            _effects.End(fault);
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

    private static Fault Aim(Fault fault, int member, int other)
    {
        if (!fault.Follows)
        {
            return fault;
        }

        var second = other >= 0 ? other : fault.Other == member ? fault.Member : fault.Other;
        return second == member ? fault : fault with { Member = member, Other = second };
    }
}
