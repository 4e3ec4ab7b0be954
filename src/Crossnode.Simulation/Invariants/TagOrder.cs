using Crossnode.Collectives;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation.Invariants;

/// <summary>The k-th call of a tag has number k, and commits only when all before it have ended.</summary>
internal sealed class TagOrder(Cluster cluster) : IInvariant
{
    public void Called(SimulatedMember member, Call call)
    {
        if (call.Operation!.Sequence != call.Sequence && member.IsAlive)
        {
            cluster.Violate("order within tags", $"member {member.Index}: call {call.Sequence} got number {call.Operation.Sequence}");
        }
    }

    public void Completed(SimulatedMember member, Call call)
    {
        if (call.Outcome!.Status != OperationStatus.Completed)
        {
            return;
        }

        var calls = member.Callers[call.Tag].Calls;
        for (var before = member.Callers[call.Tag].First; before < call.Index; before++)
        {
            if (calls[before]!.Outcome is null)
            {
                cluster.Violate(
                    "order within tags",
                    $"member {member.Index}: number {call.Sequence} of tag {cluster.Schedule.Tags[call.Tag].Tag} committed before"
                    + $" number {before + 1} had ended");
            }
        }
    }
}
