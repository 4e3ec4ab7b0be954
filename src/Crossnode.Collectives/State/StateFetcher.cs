using Crossnode.Core.Errors;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Collectives.State;

/// <summary>Fetches state from members that hold it, over connections of its own.</summary>
/// <remarks>
/// Fetches may run side by side, and beside operations. Each runs on the thread that calls it. Only chunks whose hash is the one in
/// the manifest are written to targets, so that after a failure each chunk of a target is as it was or as it should be.
/// </remarks>
public sealed partial class StateFetcher : IDisposable
{
    private readonly ITransport _transport;
    private readonly StateFetcherOptions _options;
    private readonly Describing _describing;

    /// <summary>Makes a fetcher; nothing is opened yet.</summary>
    public StateFetcher(ITransport transport, StateFetcherOptions options)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(options);
        _transport = transport;
        _options = options;
        _describing = new Describing(this);
    }

    /// <summary>Fetches a version into the targets and returns when all of it is there.</summary>
    /// <exception cref="InputException">The version has no such tensor, or of another type or size.</exception>
    /// <exception cref="LinkException">No holder is left; the text says of each why.</exception>
    /// <exception cref="DeadlineException">It took too long; the text names holders, phase and tensor.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public FetchedState Run(FetchRequest request, CancellationToken cancellationToken = default)
    {
        using var run = new FetchRun(this, request, isManifestOnly: false);
        return run.Run(cancellationToken);
    }

    /// <summary>Fetches only what most holders say the version is.</summary>
    /// <inheritdoc cref="Run" path="/exception"/>
    public StateManifest FetchManifest(FetchRequest request, CancellationToken cancellationToken = default)
    {
        using var run = new FetchRun(this, request, isManifestOnly: true);
        return run.Run(cancellationToken).Manifest;
    }

    /// <summary>Fetches only the part of the version that is no tensor.</summary>
    /// <inheritdoc cref="Run" path="/exception"/>
    public ReadOnlyMemory<byte> FetchBlob(FetchRequest request, CancellationToken cancellationToken = default) =>
        FetchManifest(request, cancellationToken).Blob;

    /// <summary>As <see cref="Run"/>, on a thread of its own.</summary>
    public Task<FetchedState> RunAsync(FetchRequest request, CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(
            () => Run(request, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Closes what descriptions were asked over. Fetches that run are not ended: cancel them.</summary>
    public void Dispose() => _describing.Dispose();

    private StateDial Dial(StateHolder holder, Core.ViewId view) => new(_transport, holder, new Preamble
    {
        Run = _options.Run,
        View = view,
        Member = _options.Self.Member,
        Incarnation = _options.Self.Incarnation,
        Purpose = StreamPurpose.State,
    });
}
