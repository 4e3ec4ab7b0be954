using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests;

/// <summary>A coordinator in this process and workers in processes of their own.</summary>
internal sealed class Cluster : IDisposable
{
    private readonly List<WorkerProcess> _workers = [];
    private readonly string[] _arguments;

    /// <param name="deaths">What each worker gets besides, in their order; null or nothing where that is nothing.</param>
    public Cluster(
        int workers,
        int operations,
        int elements,
        string mode,
        double evictAfterSeconds = 10,
        string links = "shared",
        IReadOnlyList<string?>? deaths = null)
    {
        Coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = workers,
                Run = RunId.Create(new SystemRandomSource()),
                EvictAfter = TimeSpan.FromSeconds(evictAfterSeconds),
            },
            new TcpTransport(),
            Add);
        _arguments = [Text(operations), Text(elements), mode, evictAfterSeconds.ToString(CultureInfo.InvariantCulture), links];
        for (var worker = 0; worker < workers; worker++)
        {
            Start(Text(worker), deaths?[worker]);
        }
    }

    public EmbeddedCoordinator Coordinator { get; }

    public ConcurrentQueue<(long Timestamp, RunNews News)> News { get; } = new();

    public IReadOnlyList<WorkerProcess> Workers => _workers;

    /// <summary>Waits for a piece of news and gives when it came.</summary>
    public long? WaitForNews(Func<RunNews, bool> condition, TimeSpan deadline)
    {
        var start = Stopwatch.GetTimestamp();
        lock (News)
        {
            while (true)
            {
                foreach (var (timestamp, news) in News)
                {
                    if (condition(news))
                    {
                        return timestamp;
                    }
                }

                var left = deadline - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(News, left))
                {
                    return null;
                }
            }
        }
    }

    /// <summary>Starts one more worker: under a number of its own, or 'new'.</summary>
    public WorkerProcess Start(string member, string? death = null)
    {
        string[] more = death is null ? [] : [death];
        var worker = new WorkerProcess(_workers.Count, [Coordinator.Address, Coordinator.Run.ToString(), member, .. _arguments, .. more]);
        _workers.Add(worker);
        return worker;
    }

    public string Report() => string.Join(
        Environment.NewLine,
        [.. News.Select(item => $"{item.News.Kind} {item.News.Member} {item.News.Text}"),
            .. _workers.SelectMany(worker => worker.Lines.TakeLast(30).Select(line => $"[{worker.Number}] {line}"))]);

    public void Dispose()
    {
        foreach (var worker in _workers)
        {
            worker.Dispose();
        }

        Coordinator.Dispose();
    }

    private void Add(RunNews news)
    {
        lock (News)
        {
            News.Enqueue((Stopwatch.GetTimestamp(), news));
            Monitor.PulseAll(News);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>One worker process and what it has printed.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly Process _process;
    private readonly object _gate = new();
    private readonly List<string> _lines = [];

    public WorkerProcess(int number, string[] arguments, string? networkNamespace = null)
    {
        Number = number;
        var start = new ProcessStartInfo(networkNamespace is null ? "dotnet" : "ip")
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in networkNamespace is null ? [] : new[] { "netns", "exec", networkNamespace, "dotnet" })
        {
            start.ArgumentList.Add(argument);
        }

        start.ArgumentList.Add(Path.Combine(WorkerFolder(), "Crossnode.Integration.Worker.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_TieredCompilation"] = "1";
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Number { get; }

    public bool WasKilled { get; private set; }

    public int Pid => _process.Id;

    public int ExitCode => _process.ExitCode;

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Sends SIGSTOP or SIGCONT.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", Pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits until a line satisfies the condition, or the process ends, or the deadline passes.</summary>
    public bool WaitForLine(Func<string, bool> condition, TimeSpan deadline)
    {
        var until = Stopwatch.GetTimestamp() + (long)(deadline.TotalSeconds * Stopwatch.Frequency);
        var seen = 0;
        lock (_gate)
        {
            while (true)
            {
                for (; seen < _lines.Count; seen++)
                {
                    if (condition(_lines[seen]))
                    {
                        return true;
                    }
                }

                var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), until);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    return false;
                }
            }
        }
    }

    public bool WaitForExit(TimeSpan deadline)
    {
        if (!_process.WaitForExit(deadline))
        {
            return false;
        }

        _process.WaitForExit();
        return true;
    }

    public void Kill()
    {
        WasKilled = true;
        _process.Kill();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static string WorkerFolder()
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        return Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(here)!)!, "Crossnode.Integration.Worker", Path.GetFileName(here));
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_gate)
            {
                _lines.Add(line);
                Monitor.PulseAll(_gate);
            }
        }
    }
}
