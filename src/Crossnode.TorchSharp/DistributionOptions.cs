using Crossnode.Core;

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

    /// <summary>The most bytes of state per second that this member serves to newcomers, for all of them together.</summary>
    /// <value>Null by default: no cap. Training traffic is never capped.</value>
    public long? StateBytesPerSecond { get; init; }

    /// <summary>The most bytes of averages that a newcomer puts aside while it fetches the state; over it, it begins again.</summary>
    /// <value>1 GiB by default.</value>
    public long JoinBudgetBytes { get; init; } = 1L << 30;

    /// <summary>How long a newcomer waits for the others to tell it where they are, and how long a fetch may take.</summary>
    /// <value>10 minutes by default.</value>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Called while a newcomer fetches: bytes here, bytes in all, and the member that sent the last ones.</summary>
    /// <remarks>On the fetching thread; keep it short.</remarks>
    public Action<long, long, MemberId>? JoinProgress { get; init; }

    /// <summary>Every so many exchanged steps, members compare hashes of their states: whoever differs fetches what differs.</summary>
    /// <value>0 by default: never. A hash reads the whole state once.</value>
    public int CheckEvery { get; init; }

    /// <summary>How long the others may wait for a newcomer in operations that are not the trainer's before it gives up.</summary>
    internal TimeSpan PatienceWithOtherTags { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The run is a rehearsal, which rehearses nothing itself.</summary>
    internal bool IsRehearsal { get; init; }

    /// <summary>Works on copies in host memory even on the processor, as for a device: lets tests cover that path.</summary>
    internal bool ForceStaging { get; init; }
}
