using Microsoft.Extensions.Logging;

namespace Crossnode.Collectives.State;

/// <summary>How a member serves its state to newcomers.</summary>
public sealed record StateServerOptions
{
    /// <summary>The most bytes of state per second, for all fetchers together; null does not cap it.</summary>
    /// <value>null.</value>
    public long? RateBytesPerSecond { get; init; }

    /// <summary>The size of chunks in bytes: the same on all members.</summary>
    /// <value>1 MiB; at most 16 MiB. Manifests of more than about 200,000 chunks do not fit a frame.</value>
    public int ChunkBytes { get; init; } = 1 << 20;

    /// <summary>How many copies of earlier versions are held at most; the oldest gives way to a new one.</summary>
    /// <value>2.</value>
    public int MaxCopies { get; init; } = 2;

    /// <summary>How long a copy is kept for a fetcher whose connections broke, and memory for the next copy.</summary>
    /// <value>30 s.</value>
    public TimeSpan LingerTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many descriptions of operations are remembered.</summary>
    /// <value>256, and 1 MiB together.</value>
    public int MaxDescriptions { get; init; } = 256;

    /// <summary>Called when somebody is about to come, on a thread of the session: keep it short.</summary>
    public Action? Expected { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where log lines go.</summary>
    public ILogger? Logger { get; init; }
}

/// <summary>What it cost to go on changing the live memory while somebody needs it as it was.</summary>
/// <param name="Copied">Whether a copy was made.</param>
/// <param name="Bytes">Bytes copied.</param>
/// <param name="Elapsed">How long the caller was held up.</param>
public readonly record struct CopyCost(bool Copied, long Bytes, TimeSpan Elapsed);

/// <summary>What a <see cref="StateServer"/> has done and holds.</summary>
/// <param name="BytesServed">Bytes of chunks sent so far.</param>
/// <param name="ServedTo">The same by fetcher.</param>
/// <param name="Fetchers">Connections open now.</param>
/// <param name="Copies">Copies held now.</param>
/// <param name="CopyBytes">Memory that they take, in bytes.</param>
/// <param name="SpareBytes">Memory that is ready for the next copy, in bytes.</param>
public sealed record StateServerCounters(
    long BytesServed, IReadOnlyDictionary<StatePeer, long> ServedTo, int Fetchers, int Copies, long CopyBytes, long SpareBytes);
