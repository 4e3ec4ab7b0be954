using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Schedules;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation.Invariants;

/// <summary>A committed result has exactly the bits that the oracle has for those who took part.</summary>
internal sealed class ResultBits(Cluster cluster) : IInvariant
{
    public void Completed(SimulatedMember member, Call call)
    {
        var outcome = call.Outcome!;
        if (outcome.Status != OperationStatus.Completed)
        {
            return;
        }

        var members = MaskOf(outcome.Incarnations);
        if ((members >> member.Index & 1) == 0)
        {
            Report(member, call, "committed it without being among its members");
        }

        if (call.Script.MismatchedAt >= 0 && (members >> call.Script.MismatchedAt & 1) != 0)
        {
            // With nobody to disagree with, anything is right.
            if (outcome.Members.Count > 1)
            {
                Report(member, call, $"committed it although member {call.Script.MismatchedAt} called something else");
            }

            return;
        }

        CheckWeight(member, call, members, outcome.TotalWeight);
        for (var part = 0; part < call.Parts.Length; part++)
        {
            var expected = cluster.Oracle.Expected(call.Tag, call.Index, part, members);
            if (!call.Result(part).SequenceEqual(expected))
            {
                Report(member, call, $"has other bits than the oracle in part {part} ({call.Parts[part]}) for members {members:b}");
            }
        }
    }

    // By process: a member that was started again has other inputs than before.
    private uint MaskOf(IEnumerable<ulong> incarnations) =>
        incarnations.Aggregate(0u, (mask, incarnation) => mask | (1u << cluster.Process(incarnation).Index));

    private void CheckWeight(SimulatedMember member, Call call, uint members, double total)
    {
        var averages = Array.Exists(call.Parts, static part => part.Reduce == ReduceOperator.Average);
        var expected = averages
            ? cluster.Oracle.TotalWeight(call.Tag, call.Index, members)
            : Array.Exists(call.Parts, static part => part.Kind == CollectiveKind.AllReduce) ? uint.PopCount(members) : 0;
        if (total != expected)
        {
            Report(member, call, $"says that the total weight is {total}, but it is {expected}");
        }
    }

    private void Report(SimulatedMember member, Call call, string text) => cluster.Violate(
        "same bits", $"member {member.Index}, number {call.Sequence} of tag {cluster.Schedule.Tags[call.Tag].Tag}: {text}");
}
