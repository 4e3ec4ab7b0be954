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

        var stays = cluster.Health.IsHealthy(
            member.Index,
            cluster.Now,
            index => cluster.Members[index] is { IsAlive: true, AskedToLeave: false },
            index => MayCount(cluster.Members[index]));
        if (stays)
        {
            cluster.Violate("nobody healthy evicted", $"member {member.Index}: {reason}");
        }
    }

    // Whoever went only just now may have been on the larger side as far as anybody knew.
    private bool MayCount(SimulatedMember member) =>
        member.IsAlive || cluster.Now - member.GoneAt < 2 * Timings.EvictAfter.Ticks;
}
