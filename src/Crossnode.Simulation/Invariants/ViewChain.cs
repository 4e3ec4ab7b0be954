using Crossnode.Core;
using Crossnode.Protocol.Views;
using Crossnode.Simulation.Members;

namespace Crossnode.Simulation.Invariants;

/// <summary>One view for each epoch; every member goes from each view to a successor of it.</summary>
internal sealed class ViewChain(Cluster cluster) : IInvariant
{
    private readonly Dictionary<long, View> _views = [];

    public void Announced(View view)
    {
        if (!_views.TryAdd(view.Id.Epoch, view))
        {
            cluster.Violate("one view per epoch", $"{view.Id} was announced twice");
        }
    }

    public void Installed(SimulatedMember member, View view)
    {
        var known = _views.GetValueOrDefault(view.Id.Epoch);
        if (known?.Id != view.Id || !known.Record.Equals(view.Record))
        {
            cluster.Violate("one view per epoch", $"member {member.Index} installs a {view.Id} that was never announced");
        }

        if (member.IsNewcomer && !member.WasMember)
        {
            var rank = view.RankOf(member.Id);
            if (rank < 0 || view.Record.Members[rank].Joined != view.Id.Epoch || !view.Contains(member.Id, member.Incarnation))
            {
                cluster.Violate("views form a chain", $"process {member.Index} comes in {view.Id}, which does not admit it");
            }

            cluster.Met(member.Id.Value < (uint)cluster.Schedule.Members ? CoveragePoint.RestartedBack : CoveragePoint.NewcomerAdmitted);
            return;
        }

        var before = member.Installed.Count > 0 ? member.Installed[^1].Id : ViewId.None;
        if (view.Predecessor != before)
        {
            cluster.Violate(
                "views form a chain", $"member {member.Index} goes from {before} to {view.Id}, which follows {view.Predecessor}");
        }
    }
}
