using System.Collections.Concurrent;
using Crossnode.Protocol.Runs;
using Crossnode.Protocol.Store;

namespace Crossnode.Coordinator.Records;

/// <summary>Does a coordinator's writing on a thread of its own, so that a slow disk costs nobody a sign of life.</summary>
internal sealed class StoreWorker : IDisposable
{
    // Longer than a disk takes that answers at all; one that does not is left to itself.
    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(10);

    private readonly IViewStore _store;
    private readonly Action _done;
    private readonly BlockingCollection<Func<RunEvent?>> _work = new(boundedCapacity: 16);
    private readonly ConcurrentQueue<RunEvent> _results = new();
    private readonly Thread _thread;

    /// <summary>Starts the thread.</summary>
    /// <param name="store">Used by this thread alone from now on; not disposed here.</param>
    /// <param name="done">Called on that thread when a result is there.</param>
    public StoreWorker(IViewStore store, Action done)
    {
        _store = store;
        _done = done;
        _thread = new Thread(Work) { IsBackground = true, Name = "crossnode records" };
        _thread.Start();
    }

    public bool TryTake(out RunEvent result) => _results.TryDequeue(out result);

    public void Write(RunRecord record) => _work.Add(() => Written(_store.Write(record), record.Term));

    /// <summary>Stored brings the new term.</summary>
    public void Claim(RunRecord record) => _work.Add(() =>
    {
        _store.Claim(record);
        return new RunEvent(RunEventKind.Stored, Term: record.Term);
    });

    /// <summary>Says something only if another coordinator has taken over. Left out while the disk is busy.</summary>
    public void Check(ulong term)
    {
        if (_work.Count == 0)
        {
            _work.Add(() => _store.Read() is { } record && record.Term > term ? Written(record.Term, term) : null);
        }
    }

    /// <summary>Finishes what was asked for.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        if (_thread.Join(LastWrite))
        {
            _work.Dispose();
        }
    }

    private static RunEvent Written(ulong stored, ulong term) =>
        stored > term ? new RunEvent(RunEventKind.StoreNewer, Term: stored) : new RunEvent(RunEventKind.Stored);

    private void Work()
    {
        foreach (var job in _work.GetConsumingEnumerable())
        {
            RunEvent? result;
            try
            {
                result = job();
            }
            catch (Exception failure)
            {
                // Whatever a disk, a lock or a damaged file brings: the coordinator asks again, and says so.
                result = new RunEvent(RunEventKind.StoreFailed, Text: failure.Message);
            }

            if (result is { } happened)
            {
                _results.Enqueue(happened);
                _done();
            }
        }
    }
}
