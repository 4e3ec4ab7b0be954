using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training;

/// <summary>What a strategy may use in one step.</summary>
public readonly struct StepContext
{
    private readonly bool _takesNoWeight;

    /// <summary>The model's flat buffers.</summary>
    public required FlatModel Model { get; init; }

    /// <summary>The step's number, from 0, the same on all members.</summary>
    public required long Step { get; init; }

    /// <summary>The samples over which this member's gradients are the mean; 0 when it had none.</summary>
    public required long Samples { get; init; }

    /// <summary>Whether this member's values count.</summary>
    /// <value>True by default. False for a member whose state is not the others' yet: it takes part with weight 0, and
    /// learns the same averages.</value>
    public bool TakesWeight
    {
        get => !_takesNoWeight;
        init => _takesNoWeight = !value;
    }

    /// <summary>The other members.</summary>
    public required ICommunicator Communicator { get; init; }

    /// <summary>The member's own optimiser.</summary>
    public required ILocalOptimizer Optimizer { get; init; }

    /// <summary>Gives the step up: until its operations have committed.</summary>
    public CancellationToken CancellationToken { get; init; }
}

/// <summary>What a step came to.</summary>
/// <param name="Step">The step's number.</param>
/// <param name="View">The view in which it was committed; none for a step without an exchange.</param>
/// <param name="Members">The members that took part, also with no samples; the same list on all of them. Empty for a step
/// without an exchange.</param>
/// <param name="TotalSamples">The samples of all of them.</param>
/// <param name="Attempts">1, and one more for every view in which it was run again.</param>
/// <param name="GradientNorm">The global norm of the gradient that is applied, before clipping.</param>
/// <param name="TotalWeight">The sum of the members' weights, from which <paramref name="TotalSamples"/> was computed.</param>
public sealed record StepOutcome(
    long Step,
    ViewId View,
    IReadOnlyList<MemberId> Members,
    long TotalSamples,
    int Attempts,
    double GradientNorm,
    double TotalWeight = 0)
{
    /// <summary>Which process each of <see cref="Members"/> was, in the same order; empty where nobody can be started again.</summary>
    public IReadOnlyList<ulong> Incarnations { get; init; } = [];

    /// <summary>Whether members exchanged anything in this step.</summary>
    public bool Exchanged => Members.Count > 0;
}
