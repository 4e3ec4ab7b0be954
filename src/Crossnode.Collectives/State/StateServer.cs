using Crossnode.Collectives.Links;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Collectives.State;

/// <summary>Serves a member's state to newcomers on a thread of its own, over connections of its own.</summary>
/// <remarks>
/// The live memory of a version is served where it lies until <see cref="BeforeChange(bool)"/>, which makes one copy when somebody
/// still needs the version. No call here waits for a fetcher. The longest wait is that of BeforeChange for the copy, or for what is left of one
/// that was begun before. All members may be called from any thread; live memory belongs to the thread that offers and changes it.
/// </remarks>
public sealed partial class StateServer : IDisposable
{
    /// <summary>The longest description in bytes.</summary>
    public const int MaxDescriptionBytes = 64 << 10;

    private const long RememberedDescriptionBytes = 1 << 20;

    private readonly StateServerOptions _options;
    private readonly object _gate = new();
    private readonly Poller _poller;
    private readonly Thread _thread;
    private readonly long _origin;
    private readonly SortedDictionary<long, StateVersion> _versions = [];
    private readonly InterestTable _interests;
    private readonly DescriptionBook _descriptions;
    private readonly List<(FrameConnection Frames, StatePeer Peer, bool IsGuest)> _arrivals = [];
    private readonly Dictionary<StatePeer, long> _servedTo = [];
    private HashSet<StatePeer>? _members;
    private IReadOnlyList<StateTensor>? _checked;
    private StateVersion? _live;
    private Task? _copying;
    private bool _copiesWhenAsked;
    private long _newest;
    private long _served;
    private int _fetchers;
    private bool _stopping;
    private bool _disposed;

    /// <summary>Starts the thread; connections come from <see cref="Sessions.Session.StateServer"/>.</summary>
    /// <param name="transport">What the session's connections are made of.</param>
    /// <param name="options">Rate, sizes, clock.</param>
    public StateServer(ITransport transport, StateServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(transport);
        _options = options ?? new StateServerOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.ChunkBytes, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_options.ChunkBytes, StateManifest.MaxChunkBytes, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxCopies, 1, nameof(options));
        _origin = _options.Time.GetTimestamp();
        _interests = new InterestTable(_options.LingerTime);
        _descriptions = new DescriptionBook(_options.MaxDescriptions, RememberedDescriptionBytes);
        _bucket = _options.RateBytesPerSecond is { } rate ? new TokenBucket(rate, Now) : null;
        _poller = transport.CreatePoller();
        _thread = new Thread(Serve) { IsBackground = true, Name = "crossnode state" };
        _thread.Start();
    }

    /// <summary>What was served, and what is held.</summary>
    public StateServerCounters Counters
    {
        get
        {
            lock (_gate)
            {
                var copies = _versions.Values.Where(version => version.IsCopied).ToList();
                return new StateServerCounters(
                    _served,
                    new Dictionary<StatePeer, long>(_servedTo),
                    _fetchers,
                    copies.Count,
                    copies.Sum(copy => copy.CopyBytes),
                    _spare?.Bytes ?? 0);
            }
        }
    }

    private TimeSpan Now => _options.Time.GetElapsedTime(_origin);

    /// <summary>Makes the live memory of a version fetchable at once, in place of the live memory offered before.</summary>
    /// <param name="version">Counts up as the state changes; the same on all members that hold the same state.</param>
    /// <param name="live">The tensors, in the same order on all members. They stay as they are until BeforeChange.</param>
    /// <param name="blob">What is no tensor, the same on all members; at most 1 MiB.</param>
    /// <exception cref="ArgumentException">The version is older than one offered before, a name is empty, too long or there twice, or
    /// the manifest would not fit a frame.</exception>
    public void Offer(long version, IReadOnlyList<StateTensor> live, ReadOnlyMemory<byte> blob)
    {
        ArgumentNullException.ThrowIfNull(live);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(version);
        ArgumentOutOfRangeException.ThrowIfEqual(version, PublishedVersion);
        CheckOffer(live, blob);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_stopping)
            {
                return; // Serving broke; the session's log has it.
            }

            ArgumentOutOfRangeException.ThrowIfLessThan(version, _newest);
            if (_live is { } before)
            {
                if (before.Number == version)
                {
                    return;
                }

                End(before);
            }

            _newest = version;
            if (_versions.ContainsKey(version))
            {
                return; // A copy of this very state is here.
            }

            _live = new StateVersion(version, live, blob, _options.ChunkBytes);
            _expectedBytes = _live.CopyBytes;
            _versions.Add(version, _live);
        }

        _poller.Wake();
    }

    /// <summary>Say this before the live memory changes: afterwards nothing reads it any more.</summary>
    /// <param name="keep">Keeps a copy although nobody fetches yet, since somebody is known to come; it is dropped when the first to
    /// fetch it is done.</param>
    /// <returns>What the copy cost; nothing when nobody needs one.</returns>
    public CopyCost BeforeChange(bool keep) => BeforeChange(keep, []);

    /// <summary>Say this before the live memory changes: afterwards nothing reads it any more.</summary>
    /// <param name="keepFor">Newcomers that are known to come and have not fetched all of the version yet: the copy is kept until each
    /// is done with it, is released or has left the view.</param>
    /// <returns>What the copy cost; nothing when nobody needs one.</returns>
    public CopyCost BeforeChange(IReadOnlyCollection<StatePeer> keepFor)
    {
        ArgumentNullException.ThrowIfNull(keepFor);
        return BeforeChange(keep: false, keepFor);
    }

    /// <summary>Whether a peer has asked for a version, be it done with it or not.</summary>
    public bool HasAsked(long version, StatePeer peer)
    {
        lock (_gate)
        {
            return _interests.HasAsked(version, peer);
        }
    }

    /// <summary>Starts the copy that BeforeChange would make, if somebody needs the version that is live, beside the caller's work.</summary>
    /// <param name="keepFor">As in <see cref="BeforeChange(IReadOnlyCollection{StatePeer})"/>, which waits for what is left of it.</param>
    /// <remarks>Whoever asks for it later has the same effect. The live memory may be read but not changed until then.</remarks>
    public void BeginCopy(IReadOnlyCollection<StatePeer> keepFor)
    {
        ArgumentNullException.ThrowIfNull(keepFor);
        lock (_gate)
        {
            _copiesWhenAsked = true;
            if (_live is { } version && IsWanted(version, keep: false, keepFor))
            {
                BeginCopy(version);
            }
        }
    }

    /// <summary>Gets memory for one copy ready on the serving thread, so that BeforeChange only has to copy.</summary>
    /// <param name="live">What will be offered. Where it was offered before, a newcomer in the view has the same effect.</param>
    /// <remarks>It is given back when no copy was needed for <see cref="StateServerOptions.LingerTime"/>.</remarks>
    public void Prepare(IReadOnlyList<StateTensor> live)
    {
        ArgumentNullException.ThrowIfNull(live);
        lock (_gate)
        {
            WantSpare(StateVersion.CopyBytesOf(live));
        }

        _poller.Wake();
    }

    /// <summary>Ends a version, live or copied; whoever fetches it is refused. Does nothing when it is not here.</summary>
    public void Drop(long version)
    {
        lock (_gate)
        {
            if (_versions.TryGetValue(version, out var found))
            {
                End(found);
            }
        }

        _poller.Wake();
    }

    /// <summary>A newcomer has the state by now: copies that only it needed are dropped.</summary>
    public void Release(StatePeer peer)
    {
        lock (_gate)
        {
            _interests.Release(peer);
        }

        _poller.Wake();
    }

    /// <summary>Says what operation a number is, to newcomers that have to call it too.</summary>
    /// <param name="sequence">The operation's number within its tag.</param>
    /// <param name="description">At most 64 KiB; the same on all members.</param>
    /// <param name="isProvisional">The operation is still far off; it is described again when somebody is about to call it.</param>
    public void Describe(long sequence, ReadOnlyMemory<byte> description, bool isProvisional = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        if (description.Length > MaxDescriptionBytes)
        {
            throw new ArgumentException($"a description of {description.Length} bytes (at most {MaxDescriptionBytes})", nameof(description));
        }

        lock (_gate)
        {
            _descriptions.Add(sequence, description.ToArray(), isProvisional);
        }

        _poller.Wake();
    }

    /// <summary>Closes the connections of everybody who is not among these, and forgets what they needed.</summary>
    /// <remarks>The session calls it with every view.</remarks>
    public void Retain(IEnumerable<StatePeer> members)
    {
        lock (_gate)
        {
            var before = _members;
            _members = [.. members];
            _interests.Retain(_members);
            if (before is not null && _members.Any(member => !before.Contains(member)))
            {
                WantSpare(_expectedBytes);
            }
        }

        _poller.Wake();
    }

    /// <summary>Takes over an accepted connection whose preambles have been exchanged.</summary>
    /// <param name="frames">The connection.</param>
    /// <param name="peer">Who opened it.</param>
    /// <param name="isGuest">It need not be in the view: it is told what operations are, and given what is published, but no state.</param>
    public void Take(FrameConnection frames, StatePeer peer, bool isGuest = false)
    {
        ArgumentNullException.ThrowIfNull(frames);
        lock (_gate)
        {
            if (!_stopping)
            {
                _arrivals.Add((frames, peer, isGuest));
                _poller.Wake();
                return;
            }
        }

        frames.Dispose();
    }

    /// <summary>Closes all connections and frees all copies.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _stopping = true;
        }

        _poller.Wake();
        _thread.Join();
        AwaitCopy();
        _poller.Dispose();
        lock (_gate)
        {
            foreach (var version in _versions.Values)
            {
                version.Dispose();
            }

            _versions.Clear();
            _live = null;
            _published?.Dispose();
            _spare?.Dispose();
            _spare = null;
        }
    }

    private CopyCost BeforeChange(bool keep, IReadOnlyCollection<StatePeer> keepFor)
    {
        var start = _options.Time.GetTimestamp();
        AwaitCopy();
        StateVersion version;
        lock (_gate)
        {
            if (_live is null)
            {
                return default;
            }

            version = _live;
            if (!IsWanted(version, keep, keepFor))
            {
                End(version);
                return default;
            }
        }

        if (!version.IsCopied)
        {
            Copy(version);
        }

        if (!version.IsCopied)
        {
            return default;
        }

        lock (_gate)
        {
            if (_live == version)
            {
                _live = null;
            }

            while (_versions.Values.Count(held => held.IsCopied) > _options.MaxCopies)
            {
                End(_versions.Values.First(held => held.IsCopied));
            }
        }

        return new CopyCost(true, version.CopyBytes, _options.Time.GetElapsedTime(start));
    }

    // Without memory for a copy the version is over: whoever needs it asks others, and training goes on.
    private void Copy(StateVersion version)
    {
        try
        {
            version.Copy(TakeSpare(version.CopyBytes) ?? new CopyMemory(version.CopyBytes));
        }
        catch (OutOfMemoryException full)
        {
            Log($"no memory for a copy of version {version.Number} ({version.CopyBytes} bytes): {full.Message}");
            lock (_gate)
            {
                End(version);
            }
        }
    }

    // With the lock held. On a thread of its own: the pool's may all be busy, and the caller will wait for it.
    private void BeginCopy(StateVersion version) => _copying ??= Task.Factory.StartNew(
        () => Copy(version), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // Whatever came of it: from now on nothing but the serving thread reads the live memory.
    private void AwaitCopy()
    {
        Task? copying;
        lock (_gate)
        {
            (copying, _copying) = (_copying, null);
            _copiesWhenAsked = false;
        }

        copying?.Wait();
    }

    // With the lock held.
    private bool IsWanted(StateVersion version, bool keep, IReadOnlyCollection<StatePeer> keepFor)
    {
        if (keep)
        {
            _interests.Keep(version.Number);
        }

        foreach (var peer in keepFor)
        {
            _interests.KeepFor(version.Number, peer);
        }

        return _interests.IsWanted(version.Number, Now);
    }

    // With the lock held.
    private void End(StateVersion version)
    {
        KeepSpare(version.End());
        _versions.Remove(version.Number);
        _interests.Forget(version.Number);
        if (_live == version)
        {
            _live = null;
        }
    }

    private void CheckOffer(IReadOnlyList<StateTensor> live, ReadOnlyMemory<byte> blob)
    {
        if (blob.Length > StateManifest.MaxBlobBytes)
        {
            throw new ArgumentException($"a blob of {blob.Length} bytes (at most {StateManifest.MaxBlobBytes})", nameof(blob));
        }

        // The same list comes with every step.
        if (ReferenceEquals(_checked, live))
        {
            return;
        }

        const int RecordBytes = 32;
        var names = new HashSet<string>(StringComparer.Ordinal);
        long manifestBytes = StateManifest.MaxBlobBytes + RecordBytes;
        foreach (var tensor in live)
        {
            if (tensor.Name.Length is 0 or > StateManifest.MaxNameLength || !names.Add(tensor.Name))
            {
                throw new ArgumentException(
                    $"tensor '{tensor.Name}': names are unique and have 1 to {StateManifest.MaxNameLength} characters", nameof(live));
            }

            manifestBytes += (StateManifest.HashBytes * StateManifest.ChunksOf(tensor.Buffer.ByteLength, _options.ChunkBytes))
                + (3 * tensor.Name.Length) + RecordBytes;
        }

        if (live.Count > StateManifest.MaxTensors || manifestBytes > FrameHeader.MaxControlLength)
        {
            throw new ArgumentException(
                $"the manifest of {live.Count} tensors would take {manifestBytes} bytes (at most {FrameHeader.MaxControlLength}): "
                + "use larger chunks or fewer tensors",
                nameof(live));
        }

        _checked = live;
    }
}

/// <summary>Log events of state transfer.</summary>
internal static partial class StateLog
{
    [LoggerMessage(EventId = 2101, EventName = "State", Level = LogLevel.Information, Message = "state: {Text}")]
    public static partial void Message(ILogger logger, string text);
}
