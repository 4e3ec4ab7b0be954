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

        if (!member.WasMember)
        {
            cluster.Met(CoveragePoint.NewcomerRefused);
            CheckRefusal(member, reason);
            return;
        }

        // Whoever came later could not have kept it in.
        var last = cluster.Coordinator.Announced.FindLast(view => view.Contains(member.Id, member.Incarnation))?.Id.Epoch ?? 0;
        var stays = cluster.Health.IsHealthy(
            member.Index,
            cluster.Now,
            index => cluster.Members[index] is { IsAlive: true, AskedToLeave: false } other && other.JoinedBy(last),
            index => MayCount(cluster.Members[index], last));
        if (stays)
        {
            cluster.Violate("nobody healthy evicted", $"member {member.Index}: {reason}");
        }
    }

    // A process is refused because it reaches nobody, or because another one lives under its number.
    private void CheckRefusal(SimulatedMember member, string reason)
    {
        var hasRival = Array.Exists(
            cluster.Members, other => other != member && other.Id == member.Id && other.IsBorn
                && (other.IsAlive || cluster.Now - other.GoneAt < Timings.EvictAfter.Ticks));
        var isCutOff = !cluster.Health.IsHealthy(member.Index, cluster.Now, _ => true, static _ => true) || !cluster.IsHealed;
        var isLost = reason.Contains("the run is lost", StringComparison.Ordinal)
            && !Array.Exists(cluster.Members, static other => other.IsAlive && other.WasMember);
        if (!hasRival && !isCutOff && !isLost)
        {
            cluster.Violate("newcomers are let in", $"process {member.Index}: {reason}");
        }
    }

    // Whoever went only just now may have been on the larger side as far as anybody knew.
    private bool MayCount(SimulatedMember member, long epoch) =>
        member.JoinedBy(epoch) && (member.IsAlive || cluster.Now - member.GoneAt < 2 * Timings.EvictAfter.Ticks);
}
