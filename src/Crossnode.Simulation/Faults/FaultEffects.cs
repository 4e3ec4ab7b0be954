using Crossnode.Simulation.Kernel;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation.Faults;

/// <summary>What faults do to processes and network, and what that excuses.</summary>
internal sealed class FaultEffects(Cluster cluster)
{
    private readonly HashSet<int> _replaced = [];
    private readonly Dictionary<int, int> _stoppedNodes = [];

    // A link dialled over a slower path may not open in time; a stream may not come back in time.
    private static readonly long SlowForLinks = TimeSpan.FromMilliseconds(80).Ticks;
    private static readonly long SlowForStreams = TimeSpan.FromMilliseconds(40).Ticks;

    private static readonly long Never = TimeSpan.FromHours(1).Ticks;

    private int Coordinator => cluster.CoordinatorNode;

    /// <summary>Does it.</summary>
    /// <returns>Whether it lasts until <see cref="End"/>.</returns>
    public bool Begin(Fault fault)
    {
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
            case FaultKind.Join:
                Join(fault);
                break;
            case FaultKind.RestartCoordinator:
            case FaultKind.LoseRecord:
                RestartCoordinator(fault);
                break;
            case FaultKind.TakeOver:
                return TakeOver(fault);
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
                Apply(fault, 1);
                return true;
        }

        return false;
    }

    /// <summary>Repairs what lasted.</summary>
    public void End(Fault fault) => Apply(fault, -1);

    private void Apply(Fault fault, int by)
    {
        switch (fault.Kind)
        {
            case FaultKind.Stop:
                Stop(fault, by);
                break;
            case FaultKind.StopCoordinator:
            case FaultKind.TakeOver:
                StopCoordinator(fault, by);
                break;
            case FaultKind.StoreFails:
                cluster.Coordinator.Store.Fail(by);
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

    // Every control stream is lost. Where the machine goes too, members only notice that it is silent.
    private void RestartCoordinator(Fault fault)
    {
        if (!cluster.Coordinator.Acting.IsAlive)
        {
            return;
        }

        var silently = fault.Variant < 25;
        LoseAllStreams();
        var node = cluster.Coordinator.Acting.Node;
        if (fault.Kind == FaultKind.LoseRecord)
        {
            cluster.Coordinator.KillAll(silently);
            cluster.Coordinator.Store.Lose();
        }
        else
        {
            cluster.Coordinator.Acting.Kill(silently);
        }

        var next = fault.Variant % 3 == 0 ? cluster.Coordinator.OtherThan(node) : node;
        cluster.Queue.Add(cluster.Now + fault.Duration, DueKind.CoordinatorStart, next, null);
    }

    private bool TakeOver(Fault fault)
    {
        var old = cluster.Coordinator.Acting;
        if (!old.IsAlive || old.IsReconstructing || cluster.Coordinator.At(cluster.Coordinator.OtherThan(old.Node)) is not null)
        {
            return false;
        }

        LoseAllStreams();
        var stops = fault.Variant < 60;
        if (stops)
        {
            StopCoordinator(fault, 1);
        }

        cluster.Coordinator.Start(cluster.Coordinator.OtherThan(old.Node));
        return stops;
    }

    private void StopCoordinator(Fault fault, int by)
    {
        if (by > 0)
        {
            _stoppedNodes[fault.Number] = cluster.Coordinator.Acting.Node;
        }

        cluster.Conditions.Stop(_stoppedNodes[fault.Number], by);
    }

    private void LoseAllStreams()
    {
        for (var member = 0; member < Coordinator; member++)
        {
            cluster.Health.StreamLost(member, cluster.Now);
        }
    }

    // Kills the process; another comes under its number a little later.
    private void Restart(Fault fault)
    {
        if (!_replaced.Add(fault.Member))
        {
            return; // Nobody starts one worker twice.
        }

        var member = cluster.Members[fault.Member];
        cluster.Health.Excuse(fault.Member);
        member.Kill(silently: false);
        cluster.Queue.Add(cluster.Now + (fault.Duration / 1000), DueKind.Newcomer, fault.Newcomer, member);
    }

    // Some newcomers can be called by nobody, some reach nobody.
    private void Join(Fault fault)
    {
        if (fault.Variant < 30)
        {
            cluster.Conditions.ClosePort(fault.Newcomer);
            for (var other = cluster.Schedule.Members; other < Coordinator; other++)
            {
                cluster.Health.LinkBroke(fault.Newcomer, other);
            }
        }
        else if (fault.Variant < 38)
        {
            cluster.Health.Excuse(fault.Newcomer);
            Isolate(fault.Newcomer, by: 1);
        }

        cluster.Queue.Add(cluster.Now, DueKind.Newcomer, fault.Newcomer, null);
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
        for (var node = Coordinator; node < cluster.Conditions.Nodes; node++)
        {
            if (fault.Variant % 3 != 0)
            {
                cluster.Conditions.Block(fault.Member, node, by);
            }

            if (fault.Variant % 3 != 1)
            {
                cluster.Conditions.Block(node, fault.Member, by);
            }
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
                if (IsOnSide(side, a) == IsOnSide(side, b))
                {
                    continue;
                }

                cluster.Conditions.Block(a, b, by);
                cluster.Conditions.Block(b, a, by);
                if (a == Coordinator)
                {
                    cluster.Conditions.Block(a + 1, b, by);
                    cluster.Conditions.Block(b, a + 1, by);
                    Part(b, by);
                }
                else
                {
                    cluster.Health.LinkBroke(a, b);
                }
            }
        }
    }

    private bool IsOnSide(int side, int node)
    {
        var members = cluster.Schedule.Members;
        var bit = node < members ? node : node == Coordinator ? members : node + 1;
        return (side >> bit & 1) != 0;
    }

    private void Delay(int member, long duration, int by)
    {
        var extra = Math.Min(duration, TimeSpan.FromMilliseconds(300).Ticks);
        for (var other = 0; other < cluster.Conditions.Nodes; other++)
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
