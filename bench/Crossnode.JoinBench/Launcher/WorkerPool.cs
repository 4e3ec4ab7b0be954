namespace Crossnode.JoinBench.Launcher;

/// <summary>Worker processes that wait for something to do: starting one costs a second or two of libtorch.</summary>
internal sealed class WorkerPool : IDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);

    private readonly List<WorkerProcess> _all = [];
    private readonly Queue<WorkerProcess> _free = new();

    /// <summary>Starts processes until so many are free, without waiting for them.</summary>
    public void Fill(int free)
    {
        while (_free.Count < free)
        {
            var worker = new WorkerProcess();
            _all.Add(worker);
            _free.Enqueue(worker);
        }
    }

    /// <summary>Waits until all free ones are ready.</summary>
    public void AwaitReady()
    {
        foreach (var worker in _free)
        {
            worker.Await(line => line is "ready" or "idle", "ready", new Deadline(StartTime));
        }
    }

    /// <summary>Takes a process that is ready.</summary>
    public WorkerProcess Take()
    {
        Fill(1);
        var worker = _free.Dequeue();
        worker.Await(line => line is "ready" or "idle", "ready", new Deadline(StartTime));
        return worker;
    }

    /// <summary>Gives a process back whose part is over; one that is dead or fails is forgotten.</summary>
    public void Return(WorkerProcess worker)
    {
        if (worker.IsUsable && worker.Lines is [.., "idle"] && !worker.Lines.Any(line => line.StartsWith("failed ", StringComparison.Ordinal)))
        {
            _free.Enqueue(worker);
            return;
        }

        if (worker.IsUsable)
        {
            worker.Kill();
        }

        _all.Remove(worker);
        worker.Dispose();
    }

    public void Dispose()
    {
        foreach (var worker in _all)
        {
            worker.Dispose();
        }
    }
}
