using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Testing;
using Crossnode.Training.Buffers;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Training.Tests;

[Trait("tier", "unit")]
public sealed class DataParallelStrategyTests
{
    private const int Size = 700;

    [Theory]
    [InlineData(1, 1024)]
    [InlineData(3, 1024)]
    [InlineData(4, 1 << 20)]
    public void Steps_equal_one_process_on_the_concatenated_batch(int members, int bucketBytes)
    {
        const int Steps = 5;
        var options = new DataParallelOptions { BucketBytes = bucketBytes, ExpectedGlobalBatch = 10 };

        // Member r has r + 1 samples: an average that ignores counts would be wrong.
        static long[] Batch(int step, int rank) => [.. Enumerable.Range(0, rank + 1).Select(i => (step * 100L) + (rank * 10) + i)];

        var single = new LinearModel(Size, 0.01);
        for (var step = 0; step < Steps; step++)
        {
            single.Backward([.. Enumerable.Range(0, members).SelectMany(r => Batch(step, r))]);
            single.Apply();
        }

        var results = new InProcessCluster(members).RunAll(communicator =>
        {
            var model = new LinearModel(Size, 0.01);
            var strategy = new DataParallelStrategy(options);
            for (var step = 0; step < Steps; step++)
            {
                var batch = Batch(step, communicator.View.Rank);
                model.Backward(batch);
                var outcome = strategy.Run(model.Context(communicator, step, batch.Length));
                Assert.Equal(members * (members + 1) / 2, outcome.TotalSamples);
                Assert.Equal(members, outcome.Members.Count);
            }

            return (model.Parameters.ToArray(), Hash: StateHash.Of(model.Flat.Parameters));
        });

        Assert.Single(results.Select(r => r.Hash).Distinct());
        Close(single.Parameters.ToArray(), results[0].Item1, 1e-12);
    }

    [Fact]
    public void Gradient_is_clipped_by_the_norm_of_the_average()
    {
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var model = new LinearModel(2, 1);
            model.Gradients[0] = communicator.View.Rank == 0 ? 6 : 0;
            model.Gradients[1] = communicator.View.Rank == 0 ? 0 : 8;
            var strategy = new DataParallelStrategy(new DataParallelOptions { ClipNorm = 2.5 });
            var outcome = strategy.Run(model.Context(communicator, 0, 4));
            return (outcome.GradientNorm, model.Parameters.ToArray());
        });

        // The mean is (3, 4), of length 5: half of it is applied.
        Assert.Equal(5, results[0].GradientNorm);
        Close([-1.5, -2], results[0].Item2, 1e-6);
    }

    [Fact]
    public void Member_without_samples_adds_nothing_even_when_its_gradients_are_NaN()
    {
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var model = new LinearModel(3, 1);
            model.Gradients.Fill(communicator.View.Rank == 0 ? 2 : double.NaN);
            var outcome = new DataParallelStrategy().Run(
                model.Context(communicator, 0, communicator.View.Rank == 0 ? 5 : 0));
            return (outcome, model.Parameters.ToArray());
        });

        Assert.All(results, r => Assert.Equal([-2.0, -2, -2], r.Item2));
        Assert.All(results, r => Assert.Equal(5, r.outcome.TotalSamples));
        Assert.All(results, r => Assert.Equal(2, r.outcome.Members.Count));
    }

    [Fact]
    public void Step_without_any_samples_fails_and_leaves_gradients()
    {
        var results = new InProcessCluster(2).Run(communicator =>
        {
            var model = new LinearModel(3, 1);
            model.Gradients.Fill(7);
            var error = Assert.Throws<OperationException>(
                () => new DataParallelStrategy().Run(model.Context(communicator, 0, 0)));
            Assert.Equal(ErrorKind.ZeroWeight, error.Kind);
            Assert.Equal([7.0, 7, 7], model.Gradients.ToArray());
            return model.Applied;
        });
        Assert.All(results, r => Assert.Null(r.Error));
        Assert.All(results, r => Assert.Equal(0, r.Result));
    }

    [Fact]
    public void Killed_members_gradients_leave_the_step_and_the_rest_average_their_own()
    {
        var cluster = new InProcessCluster(3);
        cluster.KillAt(1, tag: 1, sequence: 1);
        var results = cluster.Run(communicator =>
        {
            var rank = communicator.View.Rank;
            var model = new LinearModel(1, 1);
            var strategy = new DataParallelStrategy();
            model.Gradients[0] = rank;
            strategy.Run(model.Context(communicator, 0, 1));
            model.Gradients[0] = 10 * (rank + 1);
            var outcome = strategy.Run(model.Context(communicator, 1, rank + 1));
            return (outcome, model.Parameters[0]);
        });

        Assert.IsType<MembershipException>(results[1].Error);
        foreach (var survivor in new[] { results[0].Result, results[2].Result })
        {
            Assert.Equal([new MemberId(0), new MemberId(2)], survivor.outcome.Members);
            Assert.Equal(2, survivor.outcome.Attempts);
            Assert.Equal(4, survivor.outcome.TotalSamples);
            // First step: mean of 0, 1, 2. Second: (10 x 1 + 30 x 3) / 4.
            Assert.Equal(-1 - 25, survivor.Item2);
        }
    }

    [Fact]
    public void Average_that_is_not_finite_names_step_member_and_tensor_and_moves_nothing()
    {
        var results = new InProcessCluster(3).Run(communicator =>
        {
            var model = new LinearModel(9, 1);
            if (communicator.View.Rank == 2)
            {
                model.Gradients[5] = double.NaN;
            }

            var error = Assert.Throws<NotFiniteException>(
                () => new DataParallelStrategy().Run(model.Context(communicator, 41, 2)));
            Assert.Equal(0, model.Applied);
            return error.Message;
        });

        Assert.All(results, r => Assert.Contains("step 41", r.Result, StringComparison.Ordinal));
        Assert.All(results, r => Assert.Contains("member 2", r.Result, StringComparison.Ordinal));
        Assert.Contains("'second'", results[2].Result, StringComparison.Ordinal);
    }

    [Fact]
    public void Sums_of_half_gradients_stay_in_range_with_large_batches()
    {
        var results = new InProcessCluster(4).RunAll(communicator =>
        {
            var model = new LinearModel(5, 1, ElementType.Float16);
            var strategy = new DataParallelStrategy(new DataParallelOptions { ExpectedGlobalBatch = 40_000 });
            var sent = 0.0;
            var probe = new WeightProbe(communicator, group => sent = group.Weight);
            for (var step = 0; step < 2; step++)
            {
                model.Flat.Gradients[0].AsSpan<Half>().Fill((Half)1000);
                strategy.Run(new StepContext
                {
                    Model = model.Flat,
                    Step = step,
                    Samples = 10_000,
                    Communicator = probe,
                    Optimizer = new NoOptimizer(),
                });
                Assert.InRange(sent * 4, 0.5, 1);
            }

            return model.Flat.Gradients[0].AsSpan<Half>().ToArray();
        });
        Assert.All(results[0], v => Assert.Equal((Half)1000, v));
    }

    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(2, 1, 2)]
    [InlineData(3, 2, 4)]
    [InlineData(1024, 10, 1024)]
    [InlineData(1025, 11, 2048)]
    public void Weights_are_samples_over_the_next_power_of_two(long total, int exponent, long power)
    {
        var scale = new WeightScale(total);
        Assert.Equal(3.0 / power, scale.Weight(3));
        Assert.Equal(Math.ScaleB(1, -exponent), scale.Weight(1));
        Assert.Equal(total, scale.Samples(scale.Weight(total)));
    }

    private static void Close(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(actual[i] - expected[i], -tolerance, tolerance);
        }
    }

    private sealed class NoOptimizer : ILocalOptimizer
    {
        public double LearningRate => 0;

        public void Apply()
        {
        }
    }

    private sealed class WeightProbe(ICommunicator inner, Action<OperationGroup> seen) : ICommunicator
    {
        public MemberId Self => inner.Self;

        public ViewInfo View => inner.View;

        public OperationOutcome Run(
            OperationGroup group, OperationOptions? options, CancellationToken cancellationToken)
        {
            seen(group);
            return inner.Run(group, options, cancellationToken);
        }

        public Task<OperationOutcome> RunAsync(
            OperationGroup group, OperationOptions? options, CancellationToken cancellationToken) =>
            inner.RunAsync(group, options, cancellationToken);

        public TrafficCounters Traffic(uint? tag) => inner.Traffic(tag);
    }
}
