using Crossnode.Simulation.Members;

namespace Crossnode.Simulation.Invariants;

/// <summary>Nobody who was well is left out.</summary>
/// <remarks>Giving up because too few are left to go on is another matter: <see cref="Progress"/>.</remarks>
internal sealed class HealthyStay(Cluster cluster) : IInvariant
{
    public void Ended(SimulatedMember member, string reason)
    {
        if (member.AskedToLeave || Progress.IsGivingUp(reason))
        {
            return;
        }

        if (cluster.Health.IsHealthy(member.Index, cluster.Now, index => !cluster.Members[index].IsDead && !cluster.Members[index].AskedToLeave))
        {
            cluster.Violate("nobody healthy evicted", $"member {member.Index}: {reason}");
        }
    }
}
