using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Crossnode.JoinBench.Launcher;

/// <summary>A worker process: told what to do line by line, and heard.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly Process _process;
    private readonly object _gate = new();
    private readonly List<string> _lines = [];
    private readonly List<string> _errors = [];
    private volatile bool _isSilent;

    public WorkerProcess()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WorkerProcess).Assembly.Location);
        }

        start.ArgumentList.Add("worker");
        start.Environment["OMP_NUM_THREADS"] = "1";

        // Short lives: code that counts how often it runs only costs time.
        start.Environment["DOTNET_TieredPGO"] = "0";
        _process = Process.Start(start)!;
        new Thread(() => Read(_process.StandardOutput, _lines)) { IsBackground = true }.Start();
        new Thread(() => Read(_process.StandardError, _errors)) { IsBackground = true }.Start();
    }

    public int Id => _process.Id;

    /// <summary>Whether a signal ended it that <see cref="Kill"/> sent.</summary>
    public bool WasKilled { get; private set; }

    public bool IsUsable => !WasKilled && !_isSilent;

    /// <summary>What it is called in the run; set once it has entered.</summary>
    public uint Number { get; private set; }

    /// <summary>Its first step of the run.</summary>
    public long FirstStep { get; private set; }

    public Report? Report { get; private set; }

    /// <summary>Lines of this run, oldest first.</summary>
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

    /// <summary>Starts its part in a run; what it said before is forgotten.</summary>
    public void Begin(Assignment assignment)
    {
        lock (_gate)
        {
            _lines.Clear();
            Report = null;
            FirstStep = -1;
        }

        Tell($"run {assignment.ToJson()}");
    }

    public void Tell(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException) when (WasKilled)
        {
            // It was killed while it was being told.
        }
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        WasKilled = true;
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits for a line that satisfies a condition, from the beginning of the run on.</summary>
    /// <exception cref="BenchException">It did not come in time, or the worker failed.</exception>
    public string Await(Func<string, bool> wanted, string what, Deadline deadline)
    {
        var seen = 0;
        lock (_gate)
        {
            while (true)
            {
                for (; seen < _lines.Count; seen++)
                {
                    if (wanted(_lines[seen]))
                    {
                        return _lines[seen];
                    }

                    if (_lines[seen].StartsWith("failed ", StringComparison.Ordinal))
                    {
                        throw new BenchException($"{Describe()} {_lines[seen]}");
                    }
                }

                if (!IsUsable)
                {
                    throw new BenchException($"{Describe()} is gone, waiting for {what}: {string.Join(" | ", _errors.TakeLast(5))}");
                }

                if (!Monitor.Wait(_gate, deadline.Left))
                {
                    throw new BenchException(
                        $"HANG: {Describe()} did not say '{what}' in time; its last lines: {string.Join(" | ", _lines.TakeLast(4))}");
                }
            }
        }
    }

    public void AwaitEntered(Deadline deadline)
    {
        var words = Await(line => line.StartsWith("entered ", StringComparison.Ordinal), "entered", deadline).Split(' ');
        Number = uint.Parse(words[1], CultureInfo.InvariantCulture);
        FirstStep = long.Parse(words[2], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until it holds the run's state; gives the line that said so.</summary>
    public string AwaitLevel(Deadline deadline) => Await(
        line => line.StartsWith("level ", StringComparison.Ordinal)
            || (line.StartsWith("entered ", StringComparison.Ordinal) && line.EndsWith(" level", StringComparison.Ordinal)),
        "level",
        deadline);

    public Report AwaitReport(Deadline deadline)
    {
        var line = Await(said => said.StartsWith("done ", StringComparison.Ordinal), "done", deadline);
        Report = JsonSerializer.Deserialize<Report>(line["done ".Length..])!;
        Await(said => said == "idle", "idle", deadline);
        return Report;
    }

    /// <summary>Resident memory in bytes; 0 when it is gone.</summary>
    public long ResidentBytes()
    {
        try
        {
            var line = File.ReadLines($"/proc/{Id}/status").First(row => row.StartsWith("VmRSS:", StringComparison.Ordinal));
            return 1024 * long.Parse(line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        }
        catch (Exception gone) when (gone is IOException or InvalidOperationException)
        {
            return 0;
        }
    }

    public string Describe() => string.Create(CultureInfo.InvariantCulture, $"process {Id} (member {Number})");

    public void Dispose()
    {
        if (IsUsable)
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }

        _process.Dispose();
    }

    private void Read(StreamReader from, List<string> to)
    {
        while (from.ReadLine() is { } line)
        {
            lock (_gate)
            {
                to.Add(line);
                Monitor.PulseAll(_gate);
            }
        }

        lock (_gate)
        {
            _isSilent = true;
            Monitor.PulseAll(_gate);
        }
    }
}

/// <summary>The shows' own finding: something is not as promised.</summary>
internal sealed class BenchException(string message) : Exception(message);

/// <summary>When a wait is over.</summary>
internal readonly struct Deadline(TimeSpan within)
{
    private readonly long _until = Stopwatch.GetTimestamp() + (long)(within.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Never negative.</summary>
    public TimeSpan Left
    {
        get
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _until);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}
