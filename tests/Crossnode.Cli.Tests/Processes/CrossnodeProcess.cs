using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>crossnode as people start it: a process, from its own output folder.</summary>
internal sealed partial class CrossnodeProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly object _gate = new();
    private readonly List<string> _output = [];
    private readonly List<string> _errors = [];
    private readonly Task _reading;

    private CrossnodeProcess(string program, string[] arguments, string? path = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (path is not null)
        {
            start.Environment["PATH"] = path;
        }
        _process = Process.Start(start)!;
        _reading = Task.WhenAll(ReadAsync(_process.StandardOutput, _output), ReadAsync(_process.StandardError, _errors));
    }

    public int Id => _process.Id;

    public int ExitCode => _process.ExitCode;

    /// <summary>What standard output has carried so far.</summary>
    public IReadOnlyList<string> Output => Copy(_output);

    /// <summary>What standard error has carried so far.</summary>
    public IReadOnlyList<string> Errors => Copy(_errors);

    /// <summary>The worker processes, as the first lines name them.</summary>
    public IReadOnlyList<int> Workers { get; private set; } = [];

    public static CrossnodeProcess Start(params string[] arguments) => new(Executable("Crossnode.Cli", "crossnode"), arguments);

    /// <summary>Starts crossnode where only the programs of one folder are found.</summary>
    public static CrossnodeProcess Start(string[] arguments, string path) => new(Executable("Crossnode.Cli", "crossnode"), arguments, path);

    /// <summary>Starts another program of this build, without a launcher.</summary>
    public static CrossnodeProcess StartProgram(string program, params string[] arguments) => new(program, arguments);

    /// <summary>The path of a program of this build.</summary>
    public static string Executable(string project, string name)
    {
        // artifacts/bin/PROJECT/CONFIGURATION
        var here = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(here.Parent!.Parent!.FullName, project, here.Name, name + (OperatingSystem.IsWindows() ? ".exe" : ""));
    }

    /// <summary>The program that workers of crossnode run are in these tests.</summary>
    public static string WorkerProgram => Executable("Crossnode.Cli.Worker", "Crossnode.Cli.Worker");

    /// <summary>Waits until so many lines, of either stream, contain a text, and returns the last of them.</summary>
    public string WaitForLine(string text, int times = 1)
    {
        var until = TimeProvider.System.GetTimestamp() + (long)(Patience.TotalSeconds * TimeProvider.System.TimestampFrequency);
        lock (_gate)
        {
            while (true)
            {
                var lines = _output.Concat(_errors).Where(line => line.Contains(text, StringComparison.Ordinal)).ToList();
                if (lines.Count >= times)
                {
                    return lines[^1];
                }
                if (_reading.IsCompleted || TimeProvider.System.GetTimestamp() > until)
                {
                    throw new TimeoutException($"no line with '{text}' came {times} times:{Environment.NewLine}{All()}");
                }
                Monitor.Wait(_gate, TimeSpan.FromSeconds(1));
            }
        }
    }

    public CrossnodeProcess WaitForWorkers()
    {
        var line = WaitForLine(", coordinator at ");
        Workers = [.. Numbers().Matches(line[line.LastIndexOf("process", StringComparison.Ordinal)..]).Select(m => int.Parse(m.Value))];
        return this;
    }

    public CrossnodeProcess WaitForExit()
    {
        if (!_process.WaitForExit(Patience) || !_reading.Wait(Patience))
        {
            throw new TimeoutException($"crossnode does not end:{Environment.NewLine}{All()}");
        }
        return this;
    }

    public void Signal(int signal) => Signals.Send(Id, signal);

    /// <summary>Sends a signal again and again until a line contains a text.</summary>
    public void SignalUntilLine(int signal, string text)
    {
        using var again = TimeProvider.System.CreateTimer(_ => Signal(signal), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));
        WaitForLine(text);
    }

    /// <summary>The lines of JSON of one kind.</summary>
    public List<JsonElement> Json(string kind) =>
        [.. Output.Select(line => JsonDocument.Parse(line).RootElement).Where(e => e.GetProperty("kind").GetString() == kind)];

    /// <summary>Everything that was printed, for failures.</summary>
    public string All() => string.Join(Environment.NewLine, Output.Concat(Errors));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader, List<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_gate)
            {
                lines.Add(line);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private List<string> Copy(List<string> lines)
    {
        lock (_gate)
        {
            return [.. lines];
        }
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Numbers();
}
