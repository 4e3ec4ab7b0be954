using Crossnode.Simulation.Members;
using Crossnode.Simulation.Schedules;

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

        if (cluster.Health.IsHealthy(member.Index, cluster.Now, index => MayCount(cluster.Members[index])))
        {
            cluster.Violate("nobody healthy evicted", $"member {member.Index}: {reason}");
        }
    }

    // Whoever went only just now may have been on the larger side as far as anybody knew.
    private bool MayCount(SimulatedMember member) =>
        member.IsAlive || cluster.Now - member.GoneAt < 2 * Timings.EvictAfter.Ticks;
}
