using System.Collections.Concurrent;
using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Integration.Tests;

/// <summary>A coordinator and sessions in this process, over any transport.</summary>
internal sealed class LocalCluster : IDisposable
{
    private readonly EmbeddedCoordinator _coordinator;
    private readonly ITransport _transport;
    private readonly string _host;
    private readonly TimeSpan _evictAfter;
    private readonly EngineOptions? _engine;
    private readonly bool _sharedMemory;

    public LocalCluster(
        ITransport transport,
        int members,
        string host = "127.0.0.1",
        double evictAfterSeconds = 10,
        EngineOptions? engine = null,
        Action<RunNews>? news = null,
        bool sharedMemory = true)
    {
        _sharedMemory = sharedMemory;
        _transport = transport;
        _host = host;
        _engine = engine;
        var run = RunId.Create(new SystemRandomSource());
        var evictAfter = _evictAfter = TimeSpan.FromSeconds(evictAfterSeconds);
        _coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions
            {
                ExpectedMembers = members,
                Run = run,
                Host = host,
                EvictAfter = evictAfter,
                HeartbeatInterval = evictAfter / 10,
            },
            transport,
            item =>
            {
                Log.Enqueue($"{item.Kind} {item.Member} {item.Text}");
                news?.Invoke(item);
            });
        var joins = Enumerable.Range(0, members)
            .Select(member => Task.Run(() => Join(new MemberId((uint)member), 1000UL + (ulong)member)))
            .ToArray();
        Sessions = Task.WhenAll(joins).GetAwaiter().GetResult();
    }

    /// <summary>One more member, or one that comes back.</summary>
    public Session Join(MemberId self, ulong incarnation, Action<string>? notice = null) => Session.Join(
        new SessionOptions
        {
            Run = _coordinator.Run,
            Coordinator = _coordinator.Address,
            Self = self,
            Incarnation = incarnation,
            Host = _host,
            SharedMemory = _sharedMemory,
            EvictAfter = _evictAfter,
            HeartbeatInterval = _evictAfter / 10,
            GiveUpAfter = TimeSpan.FromSeconds(20),
            Engine = _engine ?? new EngineOptions { ChunkBytes = 4096, EagerBytes = 1024, EagerWindowBytes = 4096 },
            Notice = notice,
            Logger = new QueueLogger(Log),
        },
        _transport);

    public RunId Run => _coordinator.Run;

    public Session[] Sessions { get; }

    public ConcurrentQueue<string> Log { get; } = new();

    /// <summary>Runs something on a thread per member and gives all results.</summary>
    public T[] OnAll<T>(Func<int, Session, T> body)
    {
        var tasks = Sessions.Select((session, index) => Task.Factory.StartNew(
            () => body(index, session), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        if (!Task.WaitAll(tasks, TimeSpan.FromSeconds(60)))
        {
            throw new TimeoutException($"hangs:{Environment.NewLine}{string.Join(Environment.NewLine, Log)}");
        }

        return [.. tasks.Select(task => task.Result)];
    }

    public void Dispose()
    {
        Task.WaitAll([.. Sessions.Select(session => Task.Run(session.Dispose))]);
        _coordinator.Dispose();
    }
}

/// <summary>Keeps log lines for the test to look at.</summary>
internal sealed class QueueLogger(ConcurrentQueue<string> lines) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue(formatter(state, exception));
}
