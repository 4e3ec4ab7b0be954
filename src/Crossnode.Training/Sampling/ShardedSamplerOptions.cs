namespace Crossnode.Training.Sampling;

/// <summary>How samples are dealt. The same on all members.</summary>
public sealed record ShardedSamplerOptions
{
    /// <summary>How many samples the dataset has.</summary>
    public required long SampleCount { get; init; }

    /// <summary>How many samples go through the model together.</summary>
    public required int MicroBatchSize { get; init; }

    /// <summary>How many micro-batches a step has: of all members together, or of each when <see cref="PerWorkerBatch"/>.</summary>
    public required int MicroBatchesPerStep { get; init; }

    /// <summary>Whether a step grows and shrinks with the number of members.</summary>
    /// <value>False by default: those left compute more micro-batches each, and the global batch stays.</value>
    public bool PerWorkerBatch { get; init; }

    /// <summary>Decides the order in each epoch.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether samples come in random order.</summary>
    /// <value>True by default.</value>
    public bool Shuffle { get; init; } = true;

    internal ShardedSamplerOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(SampleCount, nameof(SampleCount));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MicroBatchSize, nameof(MicroBatchSize));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MicroBatchesPerStep, nameof(MicroBatchesPerStep));
        return this;
    }
}
