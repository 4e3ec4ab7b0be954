namespace Crossnode.Simulation;

/// <summary>Something that must never happen, and did.</summary>
/// <param name="Invariant">The name of what was broken.</param>
/// <param name="Text">What was seen, and at which virtual time.</param>
public readonly record struct Violation(string Invariant, string Text)
{
    /// <inheritdoc />
    public override string ToString() => $"{Invariant}: {Text}";
}

/// <summary>What one seed gave.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Violations">What was broken; empty when all went well. A run stops at its first broken invariant.</param>
/// <param name="TraceHash">A hash over everything that happened; equal for equal seeds and rules.</param>
/// <param name="VirtualTime">How long the schedule took by its own clock.</param>
/// <param name="Coverage">Which states were met how often.</param>
public sealed record SimulationResult(
    long Seed, IReadOnlyList<Violation> Violations, UInt128 TraceHash, TimeSpan VirtualTime, Coverage Coverage);
