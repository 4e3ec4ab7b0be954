using Crossnode.Collectives;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation.Invariants;

/// <summary>Sources are never written; after an abort in-place buffers are as they were, too.</summary>
internal sealed class InputsKept(Cluster cluster) : IInvariant
{
    public void Completed(SimulatedMember member, Call call)
    {
        var committed = call.Outcome!.Status == OperationStatus.Completed;
        for (var part = 0; part < call.Parts.Length; part++)
        {
            if ((committed && call.IsInPlace(part)) || call.SourceIsOriginal(part))
            {
                continue;
            }

            cluster.Violate(
                "inputs kept",
                $"member {member.Index}, number {call.Sequence} of tag {cluster.Schedule.Tags[call.Tag].Tag} ended as"
                + $" {call.Outcome.Status}, and part {part} ({(call.IsInPlace(part) ? "in place" : "out of place")}) is not what was put in");
        }
    }
}
