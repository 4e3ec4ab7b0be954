namespace Crossnode.Collectives.State;

/// <summary>What never changes, such as the data of a run: for members, and for those who want to become one.</summary>
public sealed partial class StateServer
{
    /// <summary>The version by which fetchers ask for what is published; versions that are offered stay below it.</summary>
    public const long PublishedVersion = long.MaxValue;

    private StateVersion? _published;

    /// <summary>Makes tensors fetchable that stay as they are, beside the versions that are offered.</summary>
    /// <param name="tensors">The same, in the same order, on all members. Their memory is read where it lies until Dispose.</param>
    /// <remarks>Whoever asked before this is answered now. It is never copied, takes part in the rate, and counts as served. Hashing
    /// goes on the serving thread once somebody asks: about a tenth of a second for a GiB.</remarks>
    /// <exception cref="ArgumentException">A name is empty, too long or there twice, or the manifest would not fit a frame.</exception>
    /// <exception cref="InvalidOperationException">Something is published already.</exception>
    public void Publish(IReadOnlyList<StateTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        CheckOffer(tensors, default);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_stopping)
            {
                return; // Serving broke; the session's log has it.
            }

            if (_published is not null)
            {
                throw new InvalidOperationException("what is published stays as it is: publish once");
            }

            _published = new StateVersion(PublishedVersion, tensors, default, _options.ChunkBytes);
        }

        _poller.Wake();
    }

    // With the lock held.
    private StateVersion? Find(long version) =>
        version == PublishedVersion ? _published : _versions.GetValueOrDefault(version);
}
