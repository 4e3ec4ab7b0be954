using Crossnode.Collectives;
using Crossnode.Collectives.Engine;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Schedules;

namespace Crossnode.Simulation;

/// <summary>What happens after all programs have ended: left-out links must come back, and members may leave.</summary>
internal sealed class Epilogue(Cluster cluster)
{
    // Each round commits something, then changes the view: out, on probation, up, and one to spare.
    private const int MaxRounds = 6;

    private readonly List<EngineOperation> _operations = [];
    private int _round;
    private bool _mustChange;
    private bool _askedToLeave;

    /// <summary>Whether every operation of everybody who is left has ended.</summary>
    public bool IsProgramOver => Array.TrueForAll(
        cluster.Members, member => !member.IsAlive || (member.IsDone && !member.LeavesEarly) || (IsNobodyLeft && !IsOrWasMember(member)));

    /// <summary>When it must be over at the latest, where faults have healed in time for it to be over by then.</summary>
    public long MustEndBy(long usual) => !IsNobodyLeft ? usual : Math.Max(
        usual, cluster.Members.Max(static member => member.GoneAt) + (Timings.LostAfter + Timings.ReattachFor + Timings.ReattachFor).Ticks);

    // Who came too late waits in vain, and so does who was put out before it had a view.
    private bool IsNobodyLeft => cluster.Coordinator.Announced.Count > 0
        && Array.TrueForAll(cluster.Members, member => !member.IsAlive || !IsOrWasMember(member));

    // The view that makes it a member may be on its way.
    private bool IsOrWasMember(SimulatedMember member) =>
        member.WasMember || cluster.Coordinator.Announced[^1].Incarnations.Contains(member.Incarnation);

    /// <summary>Goes on; true when all is over.</summary>
    public bool Step()
    {
        if (!_askedToLeave && IsNobodyLeft)
        {
            // R15: whoever waits for the run has to be told that it is lost.
            return Array.TrueForAll(cluster.Members, static member => !member.IsAlive);
        }

        if (!_operations.TrueForAll(static operation => operation.Outcome is not null) || !AllInLastView())
        {
            return false;
        }

        _operations.Clear();
        if (_mustChange)
        {
            _mustChange = false;
            Call(condemn: true);
            return false;
        }

        if (!_askedToLeave && HasLinksOut())
        {
            if (_round++ == MaxRounds)
            {
                cluster.Violate(
                    "fine links return", $"after {MaxRounds} changes of the view that could have let them return: {cluster.Coordinator.Announced[^1].Links}");
                return true;
            }

            _mustChange = true;
            Call(condemn: false);
            return false;
        }

        return !cluster.Schedule.AllLeave || Leave();
    }

    /// <summary>Says what everybody still waits for.</summary>
    public string WhatIsMissing()
    {
        var texts = new List<string>();
        foreach (var member in cluster.Members)
        {
            if (!member.IsAlive)
            {
                continue;
            }

            var waiting = member.Callers
                .SelectMany(static caller => caller.Calls)
                .Where(static call => call is { Outcome: null, Operation: not null })
                .Select(call => member.Engine.Describe(call!.Operation!))
                .Concat(_operations.Where(static operation => operation.Outcome is null).Select(member.Engine.Describe).Take(1))
                .ToList();
            if (waiting.Count > 0 || !member.IsDone || (cluster.Schedule.AllLeave && _askedToLeave))
            {
                texts.Add($"member {member.Index}: {(waiting.Count > 0 ? waiting[0] : "no call under way")}");
            }
        }

        return texts.Count > 0 ? string.Join("; ", texts) : "the run does not end";
    }

    private bool AllInLastView()
    {
        var last = cluster.Coordinator.Announced[^1].Id;
        return cluster.Coordinator.IsSettled
            && Array.TrueForAll(cluster.Members, member => !member.IsAlive || member.Engine.View?.Id == last);
    }

    private bool HasLinksOut() => cluster.Coordinator.Announced[^1].Record.Links.Any(
        link => link.Condition == LinkCondition.LinkOut && !IsCut(cluster.Coordinator.Announced[^1], link));

    private bool IsCut(View view, LinkRecord link)
    {
        var (first, second) = (cluster.NodeOf(view, link.First), cluster.NodeOf(view, link.Second));
        return cluster.Conditions.IsCut(first, second) || cluster.Conditions.IsPortClosed(first) || cluster.Conditions.IsPortClosed(second);
    }

    private void Call(bool condemn)
    {
        var first = cluster.Schedule.Tags[0];
        var options = new OperationOptions { Tag = first.Tag, OnViewChange = first.OnViewChange };
        var isFirst = true;
        foreach (var member in cluster.Members)
        {
            if (!member.IsAlive)
            {
                continue;
            }

            var operation = member.Engine.Submit(member.Time, new OperationGroup(), options);
            _operations.Add(operation);
            if (condemn && isFirst)
            {
                member.Engine.Condemn(member.Time, operation, ErrorKind.Cancelled, $"{member.Id} cancelled it");
            }

            isFirst = false;
        }
    }

    private bool Leave()
    {
        if (!_askedToLeave)
        {
            _askedToLeave = true;
            foreach (var member in cluster.Members)
            {
                member.Leave();
            }
        }

        return cluster.Coordinator.HasFinished && Array.TrueForAll(cluster.Members, static member => !member.IsAlive);
    }
}
