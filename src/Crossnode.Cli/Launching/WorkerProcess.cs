using System.Diagnostics;
using System.Text;

namespace Crossnode.Cli.Launching;

/// <summary>One worker: a process whose output is read line by line until it ends.</summary>
internal sealed class WorkerProcess : IDisposable
{
    // A child of the worker may hold its output open for ever.
    private static readonly TimeSpan PatienceWithOutput = TimeSpan.FromSeconds(1);

    private static ReadOnlySpan<byte> ErrorMark => "crossnode: "u8;

    private readonly Process _process;
    private readonly TimeProvider _time;
    private string? _sentence;

    private WorkerProcess(int number, Process process, WorkerLine line, TimeProvider time)
    {
        Number = number;
        Id = process.Id;
        _process = process;
        _time = time;
        var output = LinePump.RunAsync(
            process.StandardOutput.BaseStream, (bytes, start, count) => line(number, bytes.AsSpan(start, count), isError: false));
        var errors = LinePump.RunAsync(
            process.StandardError.BaseStream, (bytes, start, count) => Error(bytes.AsSpan(start, count), line));
        Exit = WaitAsync(Task.WhenAll(output, errors));
    }

    /// <summary>The worker number.</summary>
    public int Number { get; }

    /// <summary>The process id.</summary>
    public int Id { get; }

    /// <summary>Ends when the process has ended and what it printed was passed on.</summary>
    public Task<WorkerExit> Exit { get; }

    /// <summary>Starts a worker.</summary>
    /// <exception cref="UsageException">The program cannot be started.</exception>
    public static WorkerProcess Start(
        int number, WorkerCommand command, IReadOnlyDictionary<string, string> variables, WorkerLine line, TimeProvider time) =>
        new(number, command.Start(variables), line, time);

    /// <summary>Writes a line to the worker's standard input; one that has ended does not hear it.</summary>
    public void Tell(string line)
    {
        try
        {
            _process.StandardInput.Write(line + "\n");
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // The pipe broke with the process; Exit tells.
        }
    }

    /// <summary>Sends a signal, where the system has signals.</summary>
    public void Signal(int signal)
    {
        if (!Exit.IsCompleted)
        {
            Signals.Send(Id, signal);
        }
    }

    /// <summary>Ends the process without asking it.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    /// <inheritdoc />
    public void Dispose() => _process.Dispose();

    private async Task<WorkerExit> WaitAsync(Task pumps)
    {
        await _process.WaitForExitAsync();
        await Task.WhenAny(pumps, Task.Delay(PatienceWithOutput, _time));
        return new WorkerExit(Number, _process.ExitCode) { ProcessId = Id, Sentence = Volatile.Read(ref _sentence) };
    }

    private void Error(ReadOnlySpan<byte> bytes, WorkerLine line)
    {
        if (bytes.StartsWith(ErrorMark))
        {
            Volatile.Write(ref _sentence, Encoding.UTF8.GetString(bytes[ErrorMark.Length..]).TrimEnd('.'));
        }
        line(Number, bytes, isError: true);
    }
}
