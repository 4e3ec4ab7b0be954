using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation.Invariants;

/// <summary>
/// What one member committed in view e, every member of view e+1 committed too, among the same members; what one of them
/// says was aborted, none of them committed.
/// </summary>
/// <remarks>
/// A commit counts when its member is in view e+1, or there is none, or the member left in order: one that was cut off may
/// commit from tokens under way after the others have frozen, and is then evicted. What a forgotten view settled does not count
/// (R11): whoever heard of it is dead, or alone.
/// </remarks>
internal static class AllOrNothing
{
    public static void Check(Cluster cluster)
    {
        for (var tag = 0; tag < cluster.Schedule.Tags.Length; tag++)
        {
            for (var index = 0; index < cluster.Schedule.Tags[tag].Operations.Length; index++)
            {
                Check(cluster, tag, index);
            }
        }
    }

    private static void Check(Cluster cluster, int tag, int index)
    {
        Call? first = null;
        foreach (var member in cluster.Members)
        {
            if (member.Callers[tag].Calls[index] is { Outcome.Status: OperationStatus.Completed } call && Counts(cluster, member, call))
            {
                first ??= call;
                if (call.Outcome!.View != first.Outcome!.View || !call.Outcome.Incarnations.SequenceEqual(first.Outcome.Incarnations))
                {
                    Report(cluster, call, $"committed in {Where(call)} at member {call.Member}, in {Where(first)} at member {first.Member}");
                }
            }
        }

        if (first is not null)
        {
            CheckOthers(cluster, tag, index, first);
        }
    }

    private static void CheckOthers(Cluster cluster, int tag, int index, Call first)
    {
        var next = NextView(cluster, first.Outcome!.View);
        foreach (var member in cluster.Members)
        {
            var call = member.Callers[tag].Calls[index];
            if (call?.Outcome is { Status: OperationStatus.Aborted } && !IsForgotten(cluster, call))
            {
                Report(
                    cluster,
                    call,
                    $"committed in {Where(first)} at member {first.Member}, aborted at member {member.Index}: {call.Outcome.Error!.Message}");
            }

            var mustHave = member.IsAlive && first.Outcome.Incarnations.Contains(member.Incarnation)
                && (next is null || next.Contains(member.Id, member.Incarnation));
            if (mustHave && call?.Outcome?.Status != OperationStatus.Completed)
            {
                Report(cluster, first, $"committed in {Where(first)} at member {first.Member}, not at member {member.Index}");
            }
        }
    }

    private static bool Counts(Cluster cluster, SimulatedMember member, Call call) => !IsForgotten(cluster, call)
        && (member.HasLeft || NextView(cluster, call.Outcome!.View) is not { } next || next.Contains(member.Id, member.Incarnation));

    private static bool IsForgotten(Cluster cluster, Call call) => cluster.Coordinator.Forgotten.Contains(call.SettledBy);

    private static View? NextView(Cluster cluster, ViewId view) =>
        cluster.Coordinator.Announced.Find(announced => announced.Predecessor == view);

    private static string Where(Call call) => $"{call.Outcome!.View} among {string.Join(", ", call.Outcome.Members)}";

    private static void Report(Cluster cluster, Call call, string text) => cluster.Violate(
        "all or nothing", $"number {call.Sequence} of tag {cluster.Schedule.Tags[call.Tag].Tag} {text}");
}
