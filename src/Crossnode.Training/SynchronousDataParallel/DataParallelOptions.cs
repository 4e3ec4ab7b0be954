using Crossnode.Collectives;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>How gradients are averaged.</summary>
public sealed record DataParallelOptions
{
    /// <summary>The size at which the flat gradients are cut into operations of the step's group.</summary>
    /// <value>4 MiB by default; at least 1 KiB. The same on all members.</value>
    public int BucketBytes { get; init; } = 4 << 20;

    /// <summary>The largest global norm of the averaged gradient; longer ones are scaled down to it.</summary>
    /// <value>Null by default: no clipping. The same on all members.</value>
    public double? ClipNorm { get; init; }

    /// <summary>The independent sequence in which the steps run.</summary>
    /// <value>1 by default. The same on all members.</value>
    public uint Tag { get; init; } = 1;

    /// <summary>The samples of all members in the first step, roughly; later steps know.</summary>
    /// <value>1024 by default. Weights are scaled by it, so that their sum is about 1 and fits 16-bit floats. The same on
    /// all members.</value>
    public long ExpectedGlobalBatch { get; init; } = 1024;

    /// <summary>How long a step's exchange may take, a view change included.</summary>
    /// <value>Null by default: the session's value.</value>
    public TimeSpan? Timeout { get; init; }

    internal OperationOptions Operation => new() { Tag = Tag, Timeout = Timeout };

    // The divisor's small term is the one that PyTorch adds, so that clipped runs compare.
    internal double ClipFactor(double norm) => ClipNorm is { } limit ? Math.Min(1, limit / (norm + 1e-6)) : 1;

    internal DataParallelOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BucketBytes, 1024, nameof(BucketBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(ExpectedGlobalBatch, 1, nameof(ExpectedGlobalBatch));
        if (ClipNorm is { } norm && !(norm > 0 && double.IsFinite(norm)))
        {
            throw new ArgumentOutOfRangeException(nameof(ClipNorm), norm, "a clip norm is a positive number");
        }

        return this;
    }
}
