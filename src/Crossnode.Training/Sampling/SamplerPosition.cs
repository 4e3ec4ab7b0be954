namespace Crossnode.Training.Sampling;

/// <summary>Where a sampler stands between two steps: what a checkpoint keeps and a newcomer fetches.</summary>
/// <remarks>A plain record that System.Text.Json reads and writes.</remarks>
public sealed record SamplerPosition
{
    /// <summary>The version that this code writes.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The version of this format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The options' seed, to refuse a position of another order.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The dataset's size, to refuse a position of another dataset.</summary>
    public required long SampleCount { get; init; }

    /// <summary>The epoch, from 0.</summary>
    public required long Epoch { get; init; }

    /// <summary>How many places of the epoch's order have been dealt.</summary>
    public required long Dealt { get; init; }

    /// <summary>Places that were dealt but came back, in the order in which they are dealt again.</summary>
    public required IReadOnlyList<long> Returned { get; init; }

    /// <summary>The members of the last committed step.</summary>
    public required IReadOnlyList<uint> Members { get; init; }
}
