using System.Text;
using System.Threading.Channels;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Benchmarks.Processes;

/// <summary>The processes of one program and world: they live as long as the world is measured, and sleep until told to run a round.</summary>
internal sealed class ProcessSet : IAsyncDisposable
{
    // Loading torch on a loaded machine takes long.
    private static readonly TimeSpan PatienceWithStart = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan PatienceWithEnd = TimeSpan.FromSeconds(5);

    // More than a set ever says between two orders; what does not fit is chatter.
    private const int MostNews = 4096;

    private readonly ProcessSetPlan _plan;
    private readonly TimeProvider _time;
    private readonly Channel<News> _news = Channel.CreateBounded<News>(MostNews);
    private readonly LastWords[] _words;
    private readonly WorkerProcess[] _processes;
    private readonly RankProcess[] _ranks;
    private bool _isSound;

    private ProcessSet(ProcessSetPlan plan, TimeProvider time)
    {
        _plan = plan;
        _time = time;
        _words = [.. plan.Commands.Select(_ => new LastWords())];
        _ranks = new RankProcess[plan.World];
        var started = new List<WorkerProcess>();
        try
        {
            foreach (var command in plan.Commands)
            {
                started.Add(WorkerProcess.Start(started.Count, command, plan.Variables, Hear, time));
            }
        }
        catch
        {
            started.ForEach(process => process.Kill());
            plan.Release?.Invoke();
            throw;
        }
        _processes = [.. started];
        Array.ForEach(_processes, process => _ = ReportAsync(process));
    }

    /// <summary>What people call it.</summary>
    public string Name => _plan.Name;

    /// <summary>The processes of the ranks, in their order.</summary>
    public IEnumerable<int> ProcessIds => _ranks.Select(rank => rank.Id);

    /// <summary>Starts the processes and waits until all can begin.</summary>
    /// <exception cref="BenchException">One ended, or does not get ready.</exception>
    public static async Task<ProcessSet> StartAsync(ProcessSetPlan plan, TimeProvider time, CancellationToken cancellationToken)
    {
        var set = new ProcessSet(plan, time);
        try
        {
            for (var rank = 0; rank < plan.FirstLines.Count; rank++)
            {
                set._processes[rank].Tell(plan.FirstLines[rank]);
            }
            var ready = await set.CollectAsync(BenchReply.ParseReady, r => r.Rank, "the start", PatienceWithStart, cancellationToken);
            for (var rank = 0; rank < plan.World; rank++)
            {
                set._ranks[rank] = new RankProcess(ready[rank].ProcessId);
            }
            set._isSound = true;
            return set;
        }
        catch
        {
            await set.DisposeAsync();
            throw;
        }
    }

    /// <summary>Pins rank r to core r modulo cores, or gives every process back the cores that it started with.</summary>
    public void Pin(bool isPinned)
    {
        for (var rank = 0; rank < _ranks.Length; rank++)
        {
            _ranks[rank].Pin(isPinned ? rank : null);
        }
    }

    /// <summary>Runs one round.</summary>
    /// <returns>What rank 0 measured.</returns>
    /// <exception cref="BenchException">A process ended, or does not answer.</exception>
    public async Task<BenchReply> RoundAsync(string order, string what, TimeSpan patience, CancellationToken cancellationToken)
    {
        _isSound = false;
        TellAll(order);
        var replies = await CollectAsync(BenchReply.Parse, reply => reply.Rank, what, patience, cancellationToken);
        _isSound = true;
        return replies[0];
    }

    /// <summary>Ends the processes: asks those that wait for an order, and terminates, then kills, those that do not.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isSound)
        {
            TellAll(BenchOrder.Stop);
            await EndedWithinAsync(PatienceWithEnd);
        }
        if (Array.Exists(_processes, process => !process.Exit.IsCompleted))
        {
            Array.ForEach(_processes, process => process.Signal(Signals.Terminate));
            await EndedWithinAsync(PatienceWithEnd);
        }
        Array.ForEach(_processes, process => process.Kill());
        await EndedWithinAsync(PatienceWithEnd);
        Array.ForEach(_processes, process => process.Dispose());
        _plan.Release?.Invoke();
    }

    private void TellAll(string line)
    {
        if (_plan.Tell is { } tell)
        {
            tell(line);
        }
        else
        {
            Array.ForEach(_processes, process => process.Tell(line));
        }
    }

    private async Task<T[]> CollectAsync<T>(
        Func<string, T?> parse, Func<T, int> rankOf, string what, TimeSpan patience, CancellationToken cancellationToken)
        where T : struct
    {
        var answers = new T?[_plan.World];
        using var deadline = new CancellationTokenSource(patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            while (Array.Exists(answers, answer => answer is null))
            {
                var news = await _news.Reader.ReadAsync(either.Token);
                if (news.Exit is { } exit)
                {
                    throw new BenchException($"{ProcessName(exit.Worker)} {exit.Describe()} during {what}{_words[exit.Worker].Text()}");
                }
                if (parse(news.Line!) is { } answer && rankOf(answer) is var rank && rank >= 0 && rank < answers.Length)
                {
                    answers[rank] = answer;
                }
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            var silent = Enumerable.Range(0, answers.Length).Where(rank => answers[rank] is null);
            throw new BenchException(FormattableString.Invariant(
                $"rank {string.Join(", ", silent)} of {Name} did not answer within {patience.TotalSeconds:0} s during {what}: the machine may be overloaded; take smaller sizes or fewer processes."));
        }
        return Array.ConvertAll(answers, answer => answer!.Value);
    }

    private string ProcessName(int number) => _plan.Commands.Count == _plan.World
        ? $"rank {number} of {_plan.World} of {Name} (process {_processes[number].Id})"
        : $"{Name} with {_plan.World} ranks (process {_processes[number].Id})";

    private void Hear(int process, ReadOnlySpan<byte> line, bool isError)
    {
        var text = Encoding.UTF8.GetString(line);
        if (isError)
        {
            _words[process].Add(text);
        }
        else
        {
            _news.Writer.TryWrite(new News(text, null));
        }
    }

    private async Task ReportAsync(WorkerProcess process)
    {
        var exit = await process.Exit;
        _news.Writer.TryWrite(new News(null, exit));
    }

    private async Task EndedWithinAsync(TimeSpan patience) =>
        await Task.WhenAny(Task.WhenAll(_processes.Select(process => process.Exit)), Task.Delay(patience, _time));

    private readonly record struct News(string? Line, WorkerExit? Exit);
}
