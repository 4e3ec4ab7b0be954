using System.Threading.Channels;

namespace Crossnode.Cli.Launching;

/// <summary>The worker processes of one run on this machine.</summary>
internal sealed class WorkerPool : IDisposable
{
    private readonly WorkerProcess[] _workers;
    private readonly Channel<WorkerExit> _exits;

    private WorkerPool(WorkerProcess[] workers)
    {
        _workers = workers;
        _exits = Channel.CreateBounded<WorkerExit>(workers.Length);
        AllEnded = Task.WhenAll(workers.Select(ReportAsync));
    }

    /// <summary>The workers; the index is the number.</summary>
    public IReadOnlyList<WorkerProcess> Workers => _workers;

    /// <summary>Ends when no worker runs any more.</summary>
    public Task AllEnded { get; }

    /// <summary>The ends of workers, each once, in the order in which they were noticed.</summary>
    public ChannelReader<WorkerExit> Exits => _exits.Reader;

    /// <summary>Starts all workers, or none.</summary>
    /// <exception cref="UsageException">The program cannot be started.</exception>
    public static WorkerPool Start(
        int count,
        WorkerCommand command,
        Func<int, IReadOnlyDictionary<string, string>> variables,
        WorkerLine line,
        TimeProvider time)
    {
        var started = new List<WorkerProcess>();
        try
        {
            for (var number = 0; number < count; number++)
            {
                started.Add(WorkerProcess.Start(number, command, variables(number), line, time));
            }
        }
        catch
        {
            started.ForEach(w => w.Kill());
            throw;
        }
        return new WorkerPool([.. started]);
    }

    /// <summary>Sends a signal to every worker that runs.</summary>
    public void Signal(int signal) => Array.ForEach(_workers, w => w.Signal(signal));

    /// <summary>Ends every worker that runs, without asking.</summary>
    public void Kill() => Array.ForEach(_workers, w => w.Kill());

    /// <summary>Ends what still runs.</summary>
    public void Dispose()
    {
        Kill();
        Array.ForEach(_workers, w => w.Dispose());
    }

    private async Task ReportAsync(WorkerProcess worker)
    {
        // Room for one end of each worker: it never waits.
        await _exits.Writer.WriteAsync(await worker.Exit);
    }
}
