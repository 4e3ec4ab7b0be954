using Crossnode.Collectives;
using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation;

/// <summary>Counts how operations end.</summary>
internal static class CoverageOfOutcomes
{
    public static void Count(Cluster cluster, SimulatedMember member, Call call)
    {
        var outcome = call.Outcome!;
        switch (outcome.Status)
        {
            case OperationStatus.Completed:
                cluster.Met(outcome.View == member.Engine.Machine.View!.Id
                    ? CoveragePoint.CommittedByBarrier
                    : CoveragePoint.CommittedByNewView);
                if (outcome.Attempts > 1)
                {
                    cluster.Met(CoveragePoint.CommittedAfterRetry);
                }

                break;
            case OperationStatus.Unknown:
                cluster.Met(CoveragePoint.OutcomeUnknown);
                break;
            default:
                CountAborted(cluster, call, outcome);
                break;
        }
    }

    private static void CountAborted(Cluster cluster, Call call, OperationOutcome outcome)
    {
        cluster.Met(outcome.Error!.Kind switch
        {
            ErrorKind.Cancelled => CoveragePoint.KilledByCancel,
            ErrorKind.Mismatch => CoveragePoint.KilledByMismatch,
            ErrorKind.Deadline => CoveragePoint.KilledByDeadline,
            ErrorKind.ZeroWeight => CoveragePoint.ZeroWeight,
            _ when outcome.Error.Message.Contains("root of the broadcast", StringComparison.Ordinal) => CoveragePoint.KilledByMissingRoot,
            _ => CoveragePoint.KilledByReport,
        });
        if (outcome.Attempts == 0)
        {
            cluster.Met(CoveragePoint.KilledBeforeTheCall);
        }

        for (var part = 0; part < call.Parts.Length; part++)
        {
            if (call.IsInPlace(part) && outcome.Attempts > 0)
            {
                cluster.Met(CoveragePoint.RestoredInPlace);
                break;
            }
        }
    }
}

/// <summary>Counts what views look like.</summary>
internal static class CoverageOfViews
{
    public static void Count(Cluster cluster, View view)
    {
        var announced = cluster.Coordinator.Announced;
        if (view.Members.Count == 1)
        {
            cluster.Met(CoveragePoint.ViewOfOne);
            return;
        }

        cluster.Met(view.Barrier.IsDissemination ? CoveragePoint.PlanDissemination : CoveragePoint.PlanTreeBarrier);
        cluster.Met(TopologyPlan.From(view.Links).HasRing ? CoveragePoint.PlanRing : CoveragePoint.PlanTree);
        var members = view.Members.Count;
        if (view.Record.Links.Count < members * (members - 1) / 2)
        {
            cluster.Met(CoveragePoint.LinkUp);
        }

        CountLinks(cluster, view, LinkCondition.LinkProbation, CoveragePoint.LinkOnProbation);
        CountLinks(cluster, view, LinkCondition.LinkOut, CoveragePoint.LinkOut);
        if (announced.Count < 2)
        {
            return;
        }

        var before = announced[^2];
        cluster.Met(view.Members.Count == before.Members.Count ? CoveragePoint.ClosedWithAllMembers : CoveragePoint.ClosedWithoutSome);
        var returned = before.Record.Links.Any(was => was.Condition == LinkCondition.LinkOut && view.Record.Links.Any(
            now => now.First == was.First && now.Second == was.Second && now.Condition != LinkCondition.LinkOut));
        if (returned)
        {
            cluster.Met(CoveragePoint.LinkReturned);
        }
    }

    private static void CountLinks(Cluster cluster, View view, LinkCondition condition, CoveragePoint point)
    {
        if (view.Record.Links.Any(link => link.Condition == condition))
        {
            cluster.Met(point);
        }
    }
}
