using Crossnode.Collectives.Sessions;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;

namespace Crossnode.Collectives.Rehearsals;

/// <summary>A small run inside this process, over memory, in which somebody comes.</summary>
/// <remarks>
/// .NET compiles a method when it is first called. What a join calls is called for the first time while all others wait, some
/// hundred methods on each member; a rehearsal calls them before, where nobody waits.
/// </remarks>
internal static class Rehearsal
{
    private const int Founders = 2;
    private const int OperationsBefore = 3;
    private const int OperationsAtMost = 5000;
    private static readonly TimeSpan OperationsDeadline = TimeSpan.FromSeconds(20);
    private static readonly Lazy<Task<Exception?>> Operations = new(() => Task.Factory.StartNew(
        static () => Play(Add, OperationsDeadline), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));

    /// <summary>Begins one in which members only add numbers, once in a process, beside whatever it does: for coordinators.</summary>
    public static void BeginOnce() => _ = Operations.Value;

    /// <summary>Lives the run: two members found it, a third comes once the first says so.</summary>
    /// <param name="program">What each does with its session, on a thread of its own; it returns when the run is over for it. The
    /// action given to it lets the third come, and does nothing after the first call.</param>
    /// <param name="deadline">When all of it is given up.</param>
    /// <returns>Null when it came to its end, else what ended it before. It did no harm then.</returns>
    public static Exception? Play(Action<IStateExchange, Action, CancellationToken> program, TimeSpan deadline)
    {
        ArgumentNullException.ThrowIfNull(program);
        var transport = new MemoryTransport();
        var run = new RunId(0, 1);
        Exception? failure = null;
        using var stop = new CancellationTokenSource(deadline);
        using var third = new ManualResetEventSlim();
        using var coordinator = new RehearsalCoordinator(run, Founders, transport, Fail);
        var threads = new Thread[Founders + 1];
        for (var i = 0; i < threads.Length; i++)
        {
            var number = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    Part(number);
                }
                catch (Exception broken)
                {
                    Fail(broken);
                }
            }) { IsBackground = true, Name = $"crossnode rehearsal {i}" };
            threads[i].Start();
        }

        Array.ForEach(threads, thread => thread.Join());
        return failure;

        void Fail(Exception broken)
        {
            Interlocked.CompareExchange(ref failure, broken, null);
            stop.Cancel();
        }

        void Part(int number)
        {
            var isThird = number == Founders;
            if (isThird)
            {
                third.Wait(stop.Token);
            }

            var options = new SessionOptions
            {
                Run = run,
                Coordinator = coordinator.Address,
                Self = isThird ? MemberId.Unassigned : new MemberId((uint)number),
                Incarnation = (ulong)number + 1,
                EntersLater = isThird,
                JoinTimeout = deadline,
                Logger = new Unheard(),
            };
            using var session = Session.Join(options, transport, stop.Token);
            program(session, third.Set, stop.Token);
        }
    }

    // Lines are formatted for the first time, too.
    private sealed class Unheard : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            formatter(state, exception);
    }

    private static void Add(IStateExchange exchange, Action letThirdCome, CancellationToken cancellationToken)
    {
        var numbers = new float[1];
        for (var operation = 0; operation < OperationsAtMost; operation++)
        {
            numbers[0] = 1;
            var outcome = exchange.Run(
                new OperationGroup().AllReduce(TensorBuffer.From(numbers.AsMemory()), TensorBuffer.From(numbers.AsMemory()), ReduceOperator.Sum),
                cancellationToken: cancellationToken);
            outcome.ThrowIfFailed();
            if (outcome.Members.Count > Founders)
            {
                return;
            }

            if (operation == OperationsBefore)
            {
                letThirdCome();
            }
        }
    }
}
