using Crossnode.Core;

namespace Crossnode.Collectives.State;

/// <summary>A tensor of a run's state: the same name, type and size on every member.</summary>
/// <param name="Name">Unique within the state; at most 1,024 characters.</param>
/// <param name="Buffer">Its memory.</param>
public readonly record struct StateTensor(string Name, TensorBuffer Buffer);

/// <summary>One process of a run: a restarted one has the same member and another incarnation.</summary>
public readonly record struct StatePeer(MemberId Member, ulong Incarnation)
{
    /// <inheritdoc />
    public override string ToString() => Member.ToString();
}

/// <summary>A member that serves state, and where it listens.</summary>
/// <param name="Member">The member.</param>
/// <param name="Incarnation">Its process, as the view lists it.</param>
/// <param name="Endpoint">HOST:PORT, where its links come to as well.</param>
public readonly record struct StateHolder(MemberId Member, ulong Incarnation, string Endpoint);
