using Crossnode.Collectives;
using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: no moment of a call, a cancel, a handler or a disposal hangs or harms another. Method: real sessions in one
/// process, many moments.</summary>
[Trait("tier", "integration")]
public sealed class SessionRaceTests
{
    [Fact]
    public void Cancel_at_the_moment_of_completion_never_hangs_and_never_lies()
    {
        using var cluster = new LocalCluster(new MemoryTransport(), 2);
        const int Operations = 200;
        using var started = new Barrier(3);
        using var first = new Sources(Operations);
        using var second = new Sources(Operations);
        Sources[] tokens = [first, second];
        var canceller = new Thread(() =>
        {
            var random = new DeterministicRandom(7);
            for (var operation = 0; operation < Operations; operation++)
            {
                started.SignalAndWait();
                Thread.SpinWait(random.NextInt32(4000));
                var one = random.NextInt32(2);
                tokens[one].Cancel(operation);

                // The other one may wait for a call that was never made.
                tokens[1 - one].Cancel(operation);
            }
        });
        canceller.Start();
        var statuses = cluster.OnAll((member, session) => Enumerable.Range(0, Operations).Select(operation =>
        {
            started.SignalAndWait();
            float[] values = [member + 1];
            var group = SessionTests.Sum(values, values);
            var options = new OperationOptions { Tag = (uint)operation };
            try
            {
                var outcome = operation % 2 == 0
                    ? session.Run(group, options, tokens[member].TokenOf(operation))
                    : session.RunAsync(group, options, tokens[member].TokenOf(operation)).GetAwaiter().GetResult();
                Assert.Equal(outcome.Status == OperationStatus.Completed ? 3 : member + 1, values[0]);
                return outcome.Status == OperationStatus.Completed;
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(member + 1, values[0]);
                return false;
            }
        }).ToList());
        canceller.Join();
        Assert.Equal(statuses[0], statuses[1]);
    }

    // The view with one member completes the operation while the cancel waits for the session's lock.
    [Fact]
    public async Task Cancel_that_loses_to_completion_does_not_hang()
    {
        using var cluster = new LocalCluster(new MemoryTransport(), 2);
        using var source = new CancellationTokenSource();
        var canceller = new Thread(source.Cancel);
        cluster.Sessions[0].ViewInstalled += _ =>
        {
            canceller.Start();
            SpinWait.SpinUntil(() => canceller.ThreadState.HasFlag(ThreadState.WaitSleepJoin), TimeSpan.FromSeconds(30));
        };
        float[] values = [5];
        var call = Task.Factory.StartNew(
            () => cluster.Sessions[0].Run(SessionTests.Sum(values, values), null, source.Token),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        Assert.True(SpinWait.SpinUntil(() => cluster.Sessions[0].Traffic(0).WireBytes > 0, TimeSpan.FromSeconds(60)));
        cluster.Sessions[1].Dispose();
        var outcome = await call.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal([new MemberId(0)], outcome.ThrowIfFailed().Members);
        Assert.True(canceller.Join(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Calls_on_many_threads_of_one_session_all_come_through()
    {
        using var cluster = new LocalCluster(new TcpTransport(), 2, engine: new EngineOptions());
        cluster.OnAll((member, session) =>
        {
            var threads = Enumerable.Range(0, 4).Select(tag => Task.Factory.StartNew(
                () =>
                {
                    var values = new float[tag == 0 ? 1 << 20 : 1000];
                    for (var operation = 0; operation < (tag == 0 ? 5 : 50); operation++)
                    {
                        Array.Fill(values, member + 1);
                        Sum(session, values, new OperationOptions { Tag = (uint)tag }).ThrowIfFailed();
                        Assert.Equal(3, values[^1]);
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)).ToArray();
            Task.WaitAll(threads);
            return true;
        });
    }

    // Each commits at once then, and lets the next one start.
    [Fact]
    public async Task Thousands_of_waiting_calls_come_through_when_one_member_is_left()
    {
        using var cluster = new LocalCluster(new MemoryTransport(), 2);
        var calls = Enumerable.Range(0, 5000)
            .Select(call => cluster.Sessions[0].RunAsync(
                SessionTests.Sum([call], new float[1]), null, TestContext.Current.CancellationToken))
            .ToArray();
        cluster.Sessions[1].Dispose();
        var outcomes = await Task.WhenAll(calls).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.All(outcomes, outcome => Assert.Equal([new MemberId(0)], outcome.ThrowIfFailed().Members));
    }

    [Fact]
    public void Handler_that_throws_or_waits_harms_nobody()
    {
        using var cluster = new LocalCluster(new TcpTransport(), 3);
        Exception? refusal = null;
        cluster.Sessions[0].ViewInstalled += _ => throw new InvalidOperationException("the live view broke");
        cluster.Sessions[1].ViewInstalled += _ => refusal = Record.Exception(() =>
        {
            float[] values = [1];
            Sum(cluster.Sessions[1], values);
        });
        cluster.Sessions[2].Ended += _ => throw new InvalidOperationException("the last words broke");
        cluster.OnAll((member, session) =>
        {
            if (member == 2)
            {
                session.Dispose();
                return true;
            }

            float[] values = [1];
            Sum(session, values).ThrowIfFailed();
            session.ViewInstalledWait(2);
            values[0] = 1;
            Sum(session, values).ThrowIfFailed();
            Assert.Equal(2, values[0]);
            return true;
        });
        Assert.IsType<InvalidOperationException>(refusal);
        Assert.Contains(cluster.Log, line => line.Contains("the live view broke", StringComparison.Ordinal));
    }

    [Fact]
    public void Session_disposed_from_a_handler_leaves()
    {
        using var cluster = new LocalCluster(new TcpTransport(), 3);
        cluster.Sessions[1].ViewInstalled += _ => cluster.Sessions[1].Dispose();
        using var left = new ManualResetEventSlim();
        cluster.Sessions[1].Ended += _ => left.Set();
        cluster.Sessions[2].Dispose();
        Assert.True(left.Wait(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        float[] values = [1];
        var outcome = Sum(cluster.Sessions[0], values);
        Assert.Equal([new MemberId(0)], outcome.ThrowIfFailed().Members);
    }

    [Fact]
    public void Call_that_cannot_be_made_is_refused_and_burns_no_number()
    {
        using var cluster = new LocalCluster(new MemoryTransport(), 2);
        cluster.OnAll((_, session) =>
        {
            var values = new float[8];
            var low = TensorBuffer.From(values.AsMemory(0, 4));
            var high = TensorBuffer.From(values.AsMemory(2, 4));
            float[] one = [1];
            if (session.Self.Value == 0)
            {
                var overlapping = new OperationGroup().AllReduce(low, high, ReduceOperator.Sum);
                Assert.Throws<ArgumentException>(() => session.Run(overlapping, null, CancellationToken.None));
                Assert.Throws<ArgumentOutOfRangeException>(
                    () => Sum(session, one, new OperationOptions { Timeout = Timeout.InfiniteTimeSpan }));
                Assert.Throws<ArgumentException>(() => new OperationGroup().AllReduce(default, default, ReduceOperator.Sum));
            }

            Sum(session, one, new OperationOptions { Timeout = TimeSpan.MaxValue }).ThrowIfFailed();
            Assert.Equal(2, one[0]);
            Assert.Throws<ArgumentException>(
                () => Sum(session, one, new OperationOptions { OnViewChange = OnViewChange.Report }));
            return true;
        });
    }

    [Fact]
    public async Task Disposal_ends_calls_that_wait_on_other_threads()
    {
        using var cluster = new LocalCluster(new TcpTransport(), 2);
        var waiting = Enumerable.Range(0, 3).Select(tag => Task.Factory.StartNew(
            () => Sum(cluster.Sessions[0], [1], new OperationOptions { Tag = (uint)tag }).Status,
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)).ToArray();
        var disposing = Enumerable.Range(0, 2).Select(_ => Task.Run(cluster.Sessions[0].Dispose, CancellationToken.None)).ToArray();
        await Task.WhenAll(disposing).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        foreach (var call in waiting)
        {
            try
            {
                // Over without an outcome that this member could learn.
                var status = await call.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
                Assert.Equal(OperationStatus.Unknown, status);
            }
            catch (ObjectDisposedException)
            {
                // Called too late.
            }
        }
    }

    private static OperationOutcome Sum(Session session, float[] values, OperationOptions? options = null) =>
        session.Run(SessionTests.Sum(values, values), options);

    private sealed class Sources(int count) : IDisposable
    {
        private readonly CancellationTokenSource[] _sources = [.. Enumerable.Range(0, count).Select(_ => new CancellationTokenSource())];

        public CancellationToken TokenOf(int operation) => _sources[operation].Token;

        public void Cancel(int operation) => _sources[operation].Cancel();

        public void Dispose() => Array.ForEach(_sources, source => source.Dispose());
    }
}
