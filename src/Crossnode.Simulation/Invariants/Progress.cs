using Crossnode.Simulation.Members;

namespace Crossnode.Simulation.Invariants;

/// <summary>Nobody gives up waiting for a view while enough members are there to make one.</summary>
/// <remarks>That operations end in time is seen by the cluster itself.</remarks>
internal sealed class Progress(Cluster cluster) : IInvariant
{
    public static bool IsGivingUp(string reason) => reason.StartsWith("outcome unknown", StringComparison.Ordinal);

    public void Ended(SimulatedMember member, string reason)
    {
        if (!IsGivingUp(reason) || member.AskedToLeave || !cluster.IsHealed)
        {
            return;
        }

        var present = cluster.Members.Count(static other => other.IsBorn && other.WasMember && !other.IsDead && !other.AskedToLeave
            && (other.EndReason is null || IsGivingUp(other.EndReason)));
        if (present >= cluster.Schedule.MinMembers)
        {
            cluster.Violate("progress", $"member {member.Index}, one of {present}: {reason}");
        }
    }
}
