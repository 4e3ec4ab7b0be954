using Crossnode.Collectives;
using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: what a caller may rely on, over every transport alike. Method: real sessions and a real coordinator in one
/// process; inputs are functions of the member.</summary>
[Trait("tier", "integration")]
public sealed class SessionTests
{
    public static TheoryData<string> Transports => ["memory", "127.0.0.1", "::1", "shared"];

    [Theory]
    [MemberData(nameof(Transports))]
    public void AllReduce_of_every_size_gives_the_sum_on_all(string kind)
    {
        using var cluster = Make(kind, 3);
        foreach (var count in new[] { 0, 1, 2, 3, 4, 1000, 100_003 })
        {
            var results = cluster.OnAll((member, session) =>
            {
                var source = Values(member, count);
                var target = new float[count];
                session.Run(Sum(source, target)).ThrowIfFailed();
                return target;
            });
            foreach (var result in results)
            {
                for (var index = 0; index < count; index++)
                {
                    Assert.Equal((float)Enumerable.Range(0, 3).Sum(member => (double)Value(member, index)), result[index]);
                }
            }
        }
    }

    // A payload that was sent before its receiver called the operation, and is still coming when it does, was once lost.
    [Fact]
    public void AllReduce_that_starts_while_early_data_comes_loses_nothing()
    {
        const int Members = 4, Count = 40_000, Operations = 300;
        using var cluster = new LocalCluster(new TcpTransport(), Members, engine: new EngineOptions());
        var attempts = cluster.OnAll((member, session) =>
        {
            var random = new DeterministicRandom((ulong)member);
            var source = Values(member, Count);
            var target = new float[Count];
            var tried = 0;
            for (var operation = 0; operation < Operations; operation++)
            {
                // Members call a little apart, each time another one last.
                Thread.SpinWait(random.NextInt32(20_000));
                tried += session.Run(Sum(source, target)).ThrowIfFailed().Attempts;
            }

            return tried;
        });
        Assert.All(attempts, tried => Assert.Equal(Operations, tried));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Average_is_weighted_and_skips_weight_zero(string kind)
    {
        using var cluster = Make(kind, 3);
        double[] weights = [0.25, 0, 0.5];
        var results = cluster.OnAll((member, session) =>
        {
            float[] values = member == 1 ? [float.NaN, float.NaN] : [member + 1, 10 * (member + 1)];
            var buffer = TensorBuffer.From(values.AsMemory());
            var outcome = session.Run(
                new OperationGroup { Weight = weights[member] }.AllReduce(buffer, buffer, ReduceOperator.Average)).ThrowIfFailed();
            Assert.Equal(0.75, outcome.TotalWeight);
            return values;
        });
        foreach (var result in results)
        {
            Assert.Equal(((0.25f * 1) + (0.5f * 3)) / 0.75f, result[0]);
            Assert.Equal(((0.25f * 10) + (0.5f * 30)) / 0.75f, result[1]);
        }
    }

    [Fact]
    public void Average_of_no_weight_at_all_is_an_error_everywhere_and_keeps_the_input()
    {
        using var cluster = Make("memory", 3);
        var results = cluster.OnAll((member, session) =>
        {
            float[] values = [member, 5];
            var buffer = TensorBuffer.From(values.AsMemory());
            var outcome = session.Run(new OperationGroup { Weight = 0 }.AllReduce(buffer, buffer, ReduceOperator.Average));
            return (outcome, values);
        });
        for (var member = 0; member < 3; member++)
        {
            Assert.Equal(ErrorKind.ZeroWeight, results[member].outcome.Error!.Kind);
            Assert.Equal([member, 5], results[member].values);
        }
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Group_of_all_types_commits_together(string kind)
    {
        using var cluster = Make(kind, 2);
        cluster.OnAll((member, session) =>
        {
            var singles = Values(member, 10);
            double[] doubles = [member + 0.5];
            Half[] halves = [(Half)(member + 1), (Half)2];
            var group = new OperationGroup()
                .AllReduce(TensorBuffer.From(singles.AsMemory()), TensorBuffer.From(singles.AsMemory()), ReduceOperator.Sum)
                .AllReduce(TensorBuffer.From(doubles.AsMemory()), TensorBuffer.From(doubles.AsMemory()), ReduceOperator.Sum)
                .Broadcast(TensorBuffer.From(halves.AsMemory()), new MemberId(1));
            session.Run(group).ThrowIfFailed();
            Assert.Equal(Value(0, 3) + Value(1, 3), singles[3]);
            Assert.Equal(2.0, doubles[0]);
            Assert.Equal([(Half)2, (Half)2], halves);
            return true;
        });
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Members_that_disagree_get_one_error_that_shows_both_sides_and_the_run_goes_on(string kind)
    {
        using var cluster = Make(kind, 3);
        var outcomes = cluster.OnAll((member, session) =>
        {
            var values = new float[member == 1 ? 70_000 : 50_000];
            var outcome = session.Run(Sum(values, new float[values.Length]));
            float[] after = [1];
            session.Run(Sum(after, after)).ThrowIfFailed();
            Assert.Equal(3, after[0]);
            return outcome;
        });
        foreach (var outcome in outcomes)
        {
            Assert.Equal(OperationStatus.Aborted, outcome.Status);
            Assert.Equal(ErrorKind.Mismatch, outcome.Error!.Kind);
            Assert.Contains("70000 f32", outcome.Error.Message, StringComparison.Ordinal);
            Assert.Contains("50000 f32", outcome.Error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Cancelled_operation_is_burnt_on_every_member(string kind)
    {
        using var cluster = Make(kind, 3);
        using var cancel = new CancellationTokenSource();
        var outcomes = cluster.OnAll((member, session) =>
        {
            var values = Values(member, 50_000);
            if (member == 2)
            {
                // Never calls operation 1 before the others gave it up: its own call must fail at once.
                cancel.CancelAfter(TimeSpan.FromMilliseconds(50));
                session.ViewInstalledWait(2);
                var late = session.Run(Sum(values, values));
                Assert.Equal(ErrorKind.Cancelled, late.Error!.Kind);
            }
            else if (member == 0)
            {
                Assert.Throws<OperationCanceledException>(() => session.Run(Sum(values, values), null, cancel.Token));
            }
            else
            {
                Assert.Equal(ErrorKind.Cancelled, session.Run(Sum(values, values)).Error!.Kind);
            }

            Assert.Equal(Values(member, 50_000), values);
            session.Run(Sum(values, values)).ThrowIfFailed();
            return values[17];
        });
        Assert.All(outcomes, value => Assert.Equal(Value(0, 17) + Value(1, 17) + Value(2, 17), value));
    }

    [Fact]
    public void Missed_deadline_names_peer_and_phase()
    {
        using var cluster = Make("memory", 2);
        var outcomes = cluster.OnAll((member, session) =>
        {
            if (member == 1)
            {
                session.ViewInstalledWait(2);
                return null;
            }

            var values = Values(0, 50_000);
            return session.Run(Sum(values, values), new OperationOptions { Timeout = TimeSpan.FromMilliseconds(200) });
        });
        Assert.Equal(ErrorKind.Deadline, outcomes[0]!.Error!.Kind);
        Assert.Contains("data from member 1", outcomes[0]!.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_do_not_block_one_another()
    {
        using var cluster = Make("127.0.0.1", 2);
        using var first = new ManualResetEventSlim();
        cluster.OnAll((member, session) =>
        {
            // Tag 1 waits at member 0 for member 1, which calls it only after tag 2 is through.
            var large = Values(member, 200_000);
            float[] small = [1];
            Task<OperationOutcome>? waiting = member == 0
                ? session.RunAsync(Sum(large, large), new OperationOptions { Tag = 1 })
                : null;
            session.Run(Sum(small, small), new OperationOptions { Tag = 2 }).ThrowIfFailed();
            waiting ??= session.RunAsync(Sum(large, large), new OperationOptions { Tag = 1 });
            waiting.GetAwaiter().GetResult().ThrowIfFailed();
            Assert.Equal(2, small[0]);
            Assert.Equal(Value(0, 9) + Value(1, 9), large[9]);
            return true;
        });
    }

    [Fact]
    public void Member_that_leaves_lets_the_others_go_on_at_once()
    {
        using var cluster = Make("127.0.0.1", 3);
        cluster.OnAll((member, session) =>
        {
            float[] values = [1];
            session.Run(Sum(values, values)).ThrowIfFailed();
            Assert.Equal(3, values[0]);
            if (member == 2)
            {
                session.Dispose();
                return true;
            }

            values[0] = 1;
            session.Run(Sum(values, values)).ThrowIfFailed();
            Assert.Equal(2, values[0]);
            return true;
        });
    }

    [Fact]
    public void Payload_counts_elements_and_wire_is_at_most_two_percent_more()
    {
        using var cluster = Make("127.0.0.1", 2);
        cluster.OnAll((_, session) =>
        {
            var values = new float[1 << 20];
            session.Run(Sum(values, new float[values.Length]), new OperationOptions { Tag = 7 }).ThrowIfFailed();
            var traffic = session.Traffic(7);
            Assert.Equal(4L << 20, traffic.PayloadBytes);
            Assert.InRange(traffic.WireBytes, traffic.PayloadBytes, (long)(1.02 * traffic.PayloadBytes));
            Assert.True(session.Traffic().WireBytes > traffic.WireBytes);
            // Of two members one sends what the other receives; a last credit may still be under way.
            Assert.InRange(traffic.ReceivedBytes, traffic.PayloadBytes, (long)(1.02 * traffic.PayloadBytes));
            return true;
        });
    }

    internal static OperationGroup Sum(float[] source, float[] target) => new OperationGroup().AllReduce(
        TensorBuffer.From(source.AsMemory()), TensorBuffer.From(target.AsMemory()), ReduceOperator.Sum);

    internal static float Value(int member, int index) => ((member + 1) * 100) + (index % 91);

    private static float[] Values(int member, int count)
    {
        var values = new float[count];
        for (var index = 0; index < count; index++)
        {
            values[index] = Value(member, index);
        }

        return values;
    }

    private static LocalCluster Make(string kind, int members) => kind == "memory"
        ? new LocalCluster(new MemoryTransport(), members)
        : kind == "shared" ? new LocalCluster(new TcpTransport(), members)
        : new LocalCluster(new TcpTransport(), members, kind, sharedMemory: false);

    [Fact]
    public async Task Member_that_cannot_share_memory_says_so_and_is_linked_over_tcp()
    {
        const ulong Incarnation = 5000;
        using var cluster = new LocalCluster(new TcpTransport(), 2);
        using var taken = new SharedMemoryTransport().Listen($"{cluster.Run}/{Incarnation:x}");
        using var newcomer = cluster.Join(MemberId.Unassigned, Incarnation);
        Assert.Contains(cluster.Log, static line => line.Contains("links on this machine go over TCP: cannot listen on", StringComparison.Ordinal));
        var sum = Task.Run(() => SumOfOnes(newcomer));
        Assert.All(cluster.OnAll((_, session) => SumOfOnes(session)), static result => Assert.Equal(3, result));
        Assert.Equal(3, await sum);
    }

    private static float SumOfOnes(Session session)
    {
        var (source, target) = (new[] { 1f }, new float[1]);
        session.Run(Sum(source, target)).ThrowIfFailed();
        return target[0];
    }
}

internal static class SessionWaits
{
    /// <summary>Waits until a view of at least this epoch is installed.</summary>
    public static void ViewInstalledWait(this Session session, long epoch)
    {
        using var installed = new ManualResetEventSlim(session.View.Id.Epoch >= epoch);
        session.ViewInstalled += Check;
        if (session.View.Id.Epoch < epoch && !installed.Wait(TimeSpan.FromSeconds(30)))
        {
            throw new TimeoutException($"view {epoch} was not installed");
        }

        session.ViewInstalled -= Check;

        void Check(ViewInfo view)
        {
            if (view.Id.Epoch >= epoch)
            {
                installed.Set();
            }
        }
    }
}
