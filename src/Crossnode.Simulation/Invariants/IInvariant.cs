using Crossnode.Protocol.Views;
using Crossnode.Simulation.Members;
using Crossnode.Simulation.Workload;

namespace Crossnode.Simulation.Invariants;

/// <summary>Something that must hold in every schedule; looks on and reports to the cluster.</summary>
internal interface IInvariant
{
    /// <summary>A member called an operation.</summary>
    void Called(SimulatedMember member, Call call)
    {
    }

    /// <summary>An operation ended at a member.</summary>
    void Completed(SimulatedMember member, Call call)
    {
    }

    /// <summary>A member is about to count a view as its own.</summary>
    void Installed(SimulatedMember member, View view)
    {
    }

    /// <summary>The coordinator decided a view.</summary>
    void Announced(View view)
    {
    }

    /// <summary>The record was lost and made again from this view: what was announced after it never counted.</summary>
    void TookUp(View view)
    {
    }

    /// <summary>A member says that it is out of the run.</summary>
    void Ended(SimulatedMember member, string reason)
    {
    }
}
