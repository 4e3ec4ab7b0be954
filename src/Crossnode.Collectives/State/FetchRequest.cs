using Crossnode.Core;

namespace Crossnode.Collectives.State;

/// <summary>Who fetches, and within which bounds.</summary>
public sealed record StateFetcherOptions
{
    /// <summary>The run.</summary>
    public required RunId Run { get; init; }

    /// <summary>This process, as the view lists it.</summary>
    public required StatePeer Self { get; init; }

    /// <summary>Depth, attempts and deadlines of a fetch.</summary>
    public FetchPlanOptions Plan { get; init; } = new();

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>What is fetched, from whom, and where it goes.</summary>
public sealed record FetchRequest
{
    /// <summary>The version, or <see cref="StateServer.PublishedVersion"/>; a holder that does not have it yet is waited for.</summary>
    public required long Version { get; init; }

    /// <summary>Members that hold it, all of which are asked.</summary>
    public required IReadOnlyList<StateHolder> Holders { get; init; }

    /// <summary>Where tensors go, by name; others of the version are not fetched.</summary>
    public IReadOnlyList<StateTensor> Targets { get; init; } = [];

    /// <summary>How long it may take.</summary>
    /// <value>5 minutes.</value>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The installed view: a holder that has not installed it yet lets the connection wait. None is allowed.</summary>
    public ViewId View { get; init; }

    /// <summary>Says by the total hash of a manifest whether it can be the right one; holders that give another are left alone.</summary>
    /// <value>Null takes what most holders give. Called on the fetching thread.</value>
    public Func<UInt128, bool>? Accepts { get; init; }

    /// <summary>Called after each chunk with the bytes that are here, those of all targets, and who sent the last; keep it short.</summary>
    /// <remarks>On the fetching thread. What it throws ends the fetch.</remarks>
    public Action<long, long, MemberId>? Progress { get; init; }
}

/// <summary>A version as it was fetched.</summary>
/// <param name="Manifest">What most holders agreed on.</param>
/// <param name="BytesFetched">Bytes of chunks that were taken from holders.</param>
/// <param name="BytesMatched">Bytes that were here already.</param>
/// <param name="WrongChunks">Chunks that came with a wrong hash and were fetched again.</param>
/// <param name="BytesFrom">Bytes taken, by holder.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record FetchedState(
    StateManifest Manifest,
    long BytesFetched,
    long BytesMatched,
    int WrongChunks,
    IReadOnlyDictionary<MemberId, long> BytesFrom,
    TimeSpan Elapsed)
{
    /// <summary>The version.</summary>
    public long Version => Manifest.Version;

    /// <summary>What is no tensor.</summary>
    public ReadOnlyMemory<byte> Blob => Manifest.Blob;
}
