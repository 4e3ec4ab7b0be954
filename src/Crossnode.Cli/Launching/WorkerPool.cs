namespace Crossnode.Cli.Launching;

/// <summary>The worker processes of a launch.</summary>
internal sealed class WorkerPool : IDisposable
{
    private readonly WorkerProcess[] _workers;
    private readonly Func<int, WorkerProcess> _start;
    private readonly Func<WorkerExit, ValueTask> _ended;
    private readonly Lock _gate = new();
    private bool _isKilled;

    private WorkerPool(WorkerProcess[] workers, Func<int, WorkerProcess> start, Func<WorkerExit, ValueTask> ended)
    {
        (_workers, _start, _ended) = (workers, start, ended);
        Array.ForEach(workers, Report);
    }

    /// <summary>The workers; the index is the number. A worker that was started anew has another process.</summary>
    public IReadOnlyList<WorkerProcess> Workers => _workers;

    /// <summary>Whether no worker runs now.</summary>
    public bool AllEnded => Array.TrueForAll(_workers, w => w.Exit.IsCompleted);

    /// <summary>Starts all workers, or none.</summary>
    /// <param name="count">How many.</param>
    /// <param name="start">Starts one.</param>
    /// <param name="ended">Gets the end of each process, once.</param>
    /// <exception cref="UsageException">The program cannot be started.</exception>
    public static WorkerPool Start(int count, Func<int, WorkerProcess> start, Func<WorkerExit, ValueTask> ended)
    {
        var started = new List<WorkerProcess>();
        try
        {
            for (var number = 0; number < count; number++)
            {
                started.Add(start(number));
            }
        }
        catch
        {
            started.ForEach(w => w.Kill());
            throw;
        }
        return new WorkerPool([.. started], start, ended);
    }

    /// <summary>Starts a worker that has ended anew.</summary>
    /// <returns>The new process; null when all were killed meanwhile.</returns>
    /// <exception cref="UsageException">The program cannot be started any more.</exception>
    public WorkerProcess? Restart(int number)
    {
        WorkerProcess worker;
        lock (_gate)
        {
            if (_isKilled)
            {
                return null;
            }
            worker = _start(number);
            _workers[number].Dispose();
            _workers[number] = worker;
        }
        Report(worker);
        return worker;
    }

    /// <summary>Sends a signal to every worker that runs.</summary>
    public void Signal(int signal) => Array.ForEach(_workers, w => w.Signal(signal));

    /// <summary>Ends every worker that runs, without asking; none is started anew.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            _isKilled = true;
            Array.ForEach(_workers, w => w.Kill());
        }
    }

    /// <summary>Ends what still runs.</summary>
    public void Dispose()
    {
        Kill();
        Array.ForEach(_workers, w => w.Dispose());
    }

    private void Report(WorkerProcess worker) => _ = Task.Run(async () => await _ended(await worker.Exit));
}
