using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Crossnode.JoinBench.Worker;

/// <summary>What happened in one member, on a clock that all processes of the machine share.</summary>
internal sealed class Recorder(bool isOn) : ILogger
{
    private readonly object _gate = new();
    private readonly List<StepTrace> _steps = [];
    private readonly List<OperationTrace> _operations = [];
    private readonly List<LogTrace> _log = [];

    /// <summary>Seconds since the machine started.</summary>
    public static double Now => (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency;

    public IReadOnlyList<StepTrace> Steps => Copy(_steps);

    public IReadOnlyList<OperationTrace> Operations => Copy(_operations);

    public IReadOnlyList<LogTrace> Lines => Copy(_log);

    public void Add(StepTrace step) => Add(_steps, step);

    public void Add(OperationTrace operation) => Add(_operations, operation);

    /// <summary>Writes a line down, with the processor time that this process has used.</summary>
    public void Note(string text) => Add(_log, new LogTrace(Now, Environment.CpuUsage.TotalTime.TotalSeconds, text));

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => isOn;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Note(formatter(state, exception));

    private void Add<T>(List<T> list, T item)
    {
        if (isOn)
        {
            lock (_gate)
            {
                list.Add(item);
            }
        }
    }

    private List<T> Copy<T>(List<T> list)
    {
        lock (_gate)
        {
            return [.. list];
        }
    }
}
