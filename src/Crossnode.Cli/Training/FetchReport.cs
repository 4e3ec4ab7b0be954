using Crossnode.Core;

namespace Crossnode.Cli.Training;

/// <summary>Tells a few times a second how far a fetch of state or data has come, and from whom.</summary>
/// <remarks>Called on the fetching thread.</remarks>
internal sealed class FetchReport(NoteKind kind, Action<WorkerNote> tell, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.25);

    private readonly SortedSet<uint> _from = [];
    private long? _toldAt;

    /// <summary>Takes a chunk that came.</summary>
    public void Fetched(long bytes, long total, MemberId from)
    {
        _from.Add(from.Value);
        if (bytes == total || _toldAt is not { } at || time.GetElapsedTime(at) >= Interval)
        {
            _toldAt = time.GetTimestamp();
            tell(new WorkerNote { Kind = kind, BytesFetched = bytes, BytesToFetch = total, From = [.. _from] });
        }
    }
}
