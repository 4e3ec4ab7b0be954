using Crossnode.Collectives;
using Crossnode.Collectives.Plans;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Runs;
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

/// <summary>Counts what the coordinator goes through, and why.</summary>
internal static class CoverageOfRun
{
    private static readonly (string Words, CoveragePoint Point)[] Causes =
    [
        ("the control stream of", CoveragePoint.ChangeByClosedStream),
        ("nothing heard from", CoveragePoint.ChangeBySilence),
        ("the link between", CoveragePoint.ChangeByLinkReport),
        ("gave operation", CoveragePoint.ChangeByCondemned),
        (" leaves", CoveragePoint.ChangeByLeaving),
        ("was started again", CoveragePoint.ChangeByRestart),
        (" joins", CoveragePoint.ChangeByJoining),
        ("came back frozen", CoveragePoint.ChangeByFrozen),
    ];

    private static readonly (string Words, CoveragePoint Point)[] Ways =
    [
        ("asked to leave", CoveragePoint.ClosedByLeaving),
        (" left", CoveragePoint.ClosedByLeaving),
        ("did not come back", CoveragePoint.ClosedByGrace),
        ("after the coordinator was started", CoveragePoint.ClosedByNotReattached),
        ("declared dead", CoveragePoint.ClosedByDeclaration),
        ("nothing heard from", CoveragePoint.ClosedBySilence),
        ("all its neighbours", CoveragePoint.ClosedByNeighbours),
        ("started again", CoveragePoint.ClosedByRestart),
        ("no working link", CoveragePoint.ClosedWithoutUnlinked),
    ];

    public static void Count(Cluster cluster, RunMachine machine, in RunEvent happened, RunPhase before, View? view)
    {
        if (machine.Phase == RunPhase.Forming && happened.Kind == RunEventKind.StreamOpened)
        {
            cluster.Met(CoveragePoint.CoordinatorForming);
        }

        if (machine.View != view)
        {
            cluster.Met(CoveragePoint.CoordinatorStable);
        }

        if (machine.Phase == RunPhase.Storing && before != RunPhase.Storing)
        {
            cluster.Met(CoveragePoint.CoordinatorStoring);
        }

        if (machine.IsPreparing && (before != RunPhase.Preparing || machine.View != view))
        {
            cluster.Met(CoveragePoint.CoordinatorPreparing);
        }
    }

    public static void Count(Cluster cluster, in RunEvent happened, in RunAction action)
    {
        switch (action.Kind)
        {
            case RunActionKind.Log when action.Text!.Contains(" ends: ", StringComparison.Ordinal):
                CountAll(cluster, Causes, action.Text);
                break;
            case RunActionKind.Log when action.Text.Contains("asking again", StringComparison.Ordinal):
                cluster.Met(CoveragePoint.AskedAgain);
                break;
            case RunActionKind.Failed when action.Text!.Contains("is lost", StringComparison.Ordinal):
                cluster.Met(CoveragePoint.RunLost);
                break;
            case RunActionKind.MemberGone:
                CountAll(cluster, Ways, action.Text!);
                break;
            case RunActionKind.MemberJoined:
                cluster.Met(CoveragePoint.ClosedWithNewcomers);
                break;
            case RunActionKind.CloseStream when action.Text!.Contains("newer stream", StringComparison.Ordinal):
                cluster.Met(CoveragePoint.StreamReplaced);
                break;
            case RunActionKind.Send when happened.Kind == RunEventKind.StreamOpened && IsNewView(action) && !IsFirst(cluster):
                cluster.Met(CoveragePoint.NewViewSentAgain);
                break;
            default:
                break;
        }
    }

    private static bool IsNewView(in RunAction action) => action.Message!.BodyCase == ControlMessage.BodyOneofCase.NewView;

    // The last HELLO makes the first view, which goes to all.
    private static bool IsFirst(Cluster cluster) => cluster.Coordinator.Announced.Count < 2;

    private static void CountAll(Cluster cluster, (string Words, CoveragePoint Point)[] known, string text)
    {
        foreach (var (words, point) in known)
        {
            if (text.Contains(words, StringComparison.Ordinal))
            {
                cluster.Met(point);
            }
        }
    }
}

/// <summary>Counts how members come back to coordinators.</summary>
internal static class CoverageOfRestarts
{
    public static void CountHello(Cluster cluster, CoordinatorProcess process, ControlMessage message)
    {
        if (message.Term > process.Machine?.Term)
        {
            cluster.Met(CoveragePoint.DeposedByHello);
        }

        if (message.Hello.View is null || process.Machine is not { View: { } view, Term: > 1 })
        {
            return;
        }

        var at = message.Hello.View.ToId();
        cluster.Met(CoveragePoint.Reattached);
        if (at == view.Predecessor)
        {
            cluster.Met(CoveragePoint.ReattachedInTheViewBefore);
        }
        else if (message.Hello.Frozen)
        {
            cluster.Met(CoveragePoint.ReattachedFrozen);
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
        if (view.Members.Count == before.Members.Count)
        {
            cluster.Met(CoveragePoint.ClosedWithAllMembers);
        }

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
