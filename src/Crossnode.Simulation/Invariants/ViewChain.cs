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

    // R11: nobody who was in that view may have gone on from it. Who came with a later view is there alone, and can have done nothing.
    public void TookUp(View view)
    {
        foreach (var member in cluster.Members)
        {
            if (!member.IsAlive || !member.WasMember || member.Installed[^1].Id.Epoch <= view.Id.Epoch)
            {
                continue;
            }

            cluster.Health.Excuse(member.Index);
            if (view.Contains(member.Id, member.Incarnation))
            {
                cluster.Violate(
                    "nobody is ahead of a record that was made again",
                    $"{view.Id} was taken up, but member {member.Index} has installed {member.Installed[^1].Id}");
            }
        }

        foreach (var later in _views.Keys.Where(epoch => epoch > view.Id.Epoch).ToList())
        {
            _views.Remove(later);
        }
    }

    public void Installed(SimulatedMember member, View view)
    {
        var known = _views.GetValueOrDefault(view.Id.Epoch);
        if (known?.Id != view.Id || !known.Record.Equals(view.Record))
        {
            cluster.Violate("one view per epoch", $"member {member.Index} installs a {view.Id} that was never announced");
        }

        // Who was put out before it had a view may come again as a newcomer, too.
        if (!member.WasMember && (member.IsNewcomer || view.Id.Epoch > 1))
        {
            var rank = view.RankOf(member.Id);
            if (rank < 0 || view.Record.Members[rank].Joined != view.Id.Epoch || !view.Contains(member.Id, member.Incarnation))
            {
                cluster.Violate("views form a chain", $"process {member.Index} comes in {view.Id}, which does not admit it");
            }

            if (!member.IsNewcomer)
            {
                return;
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
