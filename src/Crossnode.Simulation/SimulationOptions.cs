using Crossnode.Protocol;

namespace Crossnode.Simulation;

/// <summary>Which schedule is simulated, and under which rules.</summary>
public sealed record SimulationOptions
{
    /// <summary>Everything follows from it: members, operations, faults, latencies.</summary>
    public required long Seed { get; init; }

    /// <summary>The protocol rules in force; leave some out to see what they are for.</summary>
    /// <value>All.</value>
    public ProtocolRules Rules { get; init; } = ProtocolRules.All;

    /// <summary>Gets a line for everything that happens; for reading one seed, slow.</summary>
    public Action<string>? Log { get; init; }
}
