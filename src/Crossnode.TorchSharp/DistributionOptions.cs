namespace Crossnode.TorchSharp;

/// <summary>How a module is kept the same on all members, besides its gradients. The same on all members.</summary>
public sealed record DistributionOptions
{
    /// <summary>Whether module buffers follow the first member's after each exchanged step.</summary>
    /// <value>
    /// True by default. As in PyTorch's DDP the first member's values win, running statistics of its samples only; unlike
    /// there nothing is sent in a step in which no member's buffers changed, so constant buffers cost nothing. False
    /// leaves each member its own after the first broadcast.
    /// </value>
    public bool SynchronizeBuffers { get; init; } = true;

    /// <summary>The independent sequence of the first broadcast and of buffers.</summary>
    /// <value>2 by default; another one than the strategy's.</value>
    public uint Tag { get; init; } = 2;

    /// <summary>Works on copies in host memory even on the processor, as for a device: lets tests cover that path.</summary>
    internal bool ForceStaging { get; init; }
}
