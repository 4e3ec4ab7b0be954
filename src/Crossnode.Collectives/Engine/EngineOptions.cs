namespace Crossnode.Collectives.Engine;

/// <summary>Sizes that all members of a run must share, and limits of one member.</summary>
public sealed record EngineOptions
{
    /// <summary>The size of the pieces in which a buffer travels, in bytes.</summary>
    /// <value>512 KiB: fits the second-level cache beside its source.</value>
    public int ChunkBytes { get; init; } = 512 << 10;

    /// <summary>Pieces up to this size may go before the receiver's credit (R17).</summary>
    /// <value>64 KiB.</value>
    public int EagerBytes { get; init; } = 64 << 10;

    /// <summary>How much uncredited data a link may carry, frame headers included; the receiver holds as much per link.</summary>
    /// <value>256 KiB.</value>
    public int EagerWindowBytes { get; init; } = 256 << 10;

    /// <summary>How long an operation may take when the call does not say.</summary>
    /// <value>5 minutes; must be longer than eviction takes, so that a dead member is left out before the deadline.</value>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromMinutes(5);
}
