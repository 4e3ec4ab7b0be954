using Crossnode.Simulation.Members;

namespace Crossnode.Simulation.Invariants;

/// <summary>Nobody who was well is left out.</summary>
internal sealed class HealthyStay(Cluster cluster) : IInvariant
{
    public void Ended(SimulatedMember member, string reason)
    {
        if (member.AskedToLeave)
        {
            return;
        }

        if (cluster.Health.IsHealthy(member.Index, cluster.Now, index => !cluster.Members[index].IsDead && !cluster.Members[index].AskedToLeave))
        {
            cluster.Violate("nobody healthy evicted", $"member {member.Index}: {reason}");
        }
    }
}
