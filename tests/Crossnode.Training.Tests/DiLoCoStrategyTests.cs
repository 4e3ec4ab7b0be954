using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Testing;
using Crossnode.Training.DiLoCo;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Training.Tests;

[Trait("tier", "unit")]
public sealed class DiLoCoStrategyTests
{
    private const int Size = 30;
    private const double Rate = 0.05;

    [Theory]
    [InlineData(1, 1, 0.7, 0.9)]
    [InlineData(3, 4, 0.7, 0.9)]
    [InlineData(4, 5, 1.0, 0.0)]
    public void Rounds_equal_the_equations_and_parameters_are_the_same_bits_after_each(int members, int every, double eta, double mu)
    {
        const int Rounds = 4;
        var oracle = new ScalarDiLoCo(members, Size, Rate, eta, mu);
        var expected = new List<double[]>();
        for (var step = 0; step < Rounds * every; step++)
        {
            for (var m = 0; m < members; m++)
            {
                oracle.Local(m, Sample(step, m));
            }

            if ((step + 1) % every == 0)
            {
                oracle.Average([.. Enumerable.Range(0, members)]);
                expected.Add([.. oracle.Outer]);
            }
        }

        var results = new InProcessCluster(members).RunAll(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions
            {
                SyncEvery = every, OuterLearningRate = eta, OuterMomentum = mu,
            });
            var averaged = new List<double[]>();
            for (var step = 0; step < Rounds * every; step++)
            {
                var outcome = Step(communicator, model, strategy, step);
                Assert.Equal((step + 1) % every == 0, outcome.Exchanged);
                if (outcome.Exchanged)
                {
                    Assert.Equal(members, outcome.Members.Count);
                    averaged.Add(model.Parameters.ToArray());
                }
            }

            strategy.Finish(model.Context(communicator, Rounds * every, 0));
            Assert.Equal(averaged[^1], model.Parameters.ToArray());
            return averaged;
        });

        Assert.Equal(Rounds, results[0].Count);
        for (var round = 0; round < Rounds; round++)
        {
            Assert.All(results, r => Assert.Equal(Bits(results[0][round]), Bits(r[round])));
            Close(expected[round], results[0][round], 1e-12);
        }
    }

    [Fact]
    public void First_outer_step_goes_rate_times_one_plus_momentum_of_the_mean_way()
    {
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 1 }, rate: 1);
            model.Parameters.Fill(5);
            strategy.Start(model.Flat, communicator);

            // The members go to 4 and 2: the mean way is 2, and 0.7 (1 + 0.9) of it is 2.66.
            model.Gradients.Fill(communicator.View.Rank == 0 ? 1 : 3);
            strategy.Run(model.Context(communicator, 0, 1));
            return model.Parameters.ToArray();
        });
        Assert.All(results, r => Assert.All(r, p => Assert.InRange(p - (5 - 2.66), -1e-14, 1e-14)));
    }

    [Fact]
    public void Plain_averaging_of_every_SGD_step_equals_data_parallel_SGD()
    {
        const int Steps = 6;
        double[] Train(Func<ITrainingStrategy> create) => new InProcessCluster(3).RunAll(communicator =>
        {
            var model = new LinearModel(Size, Rate);
            var strategy = create();
            strategy.Start(model.Flat, communicator);
            for (var step = 0; step < Steps; step++)
            {
                Step(communicator, model, strategy, step);
            }

            return model.Parameters.ToArray();
        })[0];

        var plain = new DiLoCoOptions { SyncEvery = 1, OuterLearningRate = 1, OuterMomentum = 0 };
        Close(Train(() => new DataParallelStrategy()), Train(() => new DiLoCoStrategy(plain)), 1e-12);
        Assert.NotEqual(
            Train(() => new DataParallelStrategy()), Train(() => new DiLoCoStrategy(plain with { SyncEvery = Steps })));
    }

    [Fact]
    public void Synchronous_steps_come_first_and_the_way_counts_from_their_end()
    {
        const int Synchronous = 3;
        var oracle = new ScalarDiLoCo(2, Size, Rate, 0.7, 0.9);
        for (var step = 0; step < Synchronous; step++)
        {
            // Both members' samples in one mean: data parallel in one process.
            oracle.Local(0, Sample(step, 0), Sample(step, 1));
        }

        oracle.Members[0].CopyTo(oracle.Members[1], 0);
        oracle.Members[0].CopyTo(oracle.Outer, 0);
        for (var step = Synchronous; step < Synchronous + 4; step++)
        {
            oracle.Local(0, Sample(step, 0));
            oracle.Local(1, Sample(step, 1));
            if (step == Synchronous + 1 || step == Synchronous + 3)
            {
                oracle.Average(0, 1);
            }
        }

        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 2, SynchronousSteps = Synchronous });
            var exchanged = "";
            for (var step = 0; step < Synchronous + 4; step++)
            {
                Assert.Equal(step >= Synchronous, strategy.State.HoldsParameters);
                exchanged += Step(communicator, model, strategy, step).Exchanged ? "x" : ".";
            }

            return (exchanged, model.Parameters.ToArray());
        });
        Assert.Equal("xxx.x.x", results[0].exchanged);
        Close(oracle.Outer, results[0].Item2, 1e-12);
        Assert.Equal(Bits(results[0].Item2), Bits(results[1].Item2));
    }

    [Fact]
    public void Killed_members_way_is_lost_and_the_others_go_on_with_their_own()
    {
        // Member 1 dies in the second averaging; members 0 and 2 took as many local steps as ever.
        var oracle = new ScalarDiLoCo(3, Size, Rate, 0.7, 0.9);
        int[][] rounds = [[0, 1, 2], [0, 2], [0, 2]];
        for (var step = 0; step < 9; step++)
        {
            for (var m = 0; m < 3; m++)
            {
                oracle.Local(m, Sample(step, m));
            }

            if (step % 3 == 2)
            {
                oracle.Average(rounds[step / 3]);
            }
        }

        var cluster = new InProcessCluster(3);
        cluster.KillAt(1, tag: 1, sequence: 1);
        var results = cluster.Run(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 3 });
            var attempts = "";
            var number = communicator.View.Rank;
            for (var step = 0; step < 9; step++)
            {
                model.Backward([Sample(step, number)]);
                var outcome = strategy.Run(model.Context(communicator, step, 1));
                attempts += outcome.Exchanged ? outcome.Attempts.ToString(null, null) : "";
            }

            return (attempts, model.Applied, Parameters: model.Parameters.ToArray());
        });
        Assert.IsType<MembershipException>(results[1].Error);
        foreach (var survivor in new[] { results[0].Result, results[2].Result })
        {
            Assert.Equal("121", survivor.attempts);
            Assert.Equal(9, survivor.Applied);
            Close(oracle.Outer, survivor.Parameters, 1e-12);
            Assert.Equal(Bits(results[0].Result.Parameters), Bits(survivor.Parameters));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(20)]
    public void Payload_is_exactly_the_synchronous_one_divided_by_the_local_steps(int every)
    {
        long Payload(Func<ITrainingStrategy> create) => new InProcessCluster(2).RunAll(communicator =>
        {
            var model = new LinearModel(Size, Rate);
            var strategy = create();
            strategy.Start(model.Flat, communicator);
            for (var step = 0; step < 40; step++)
            {
                Step(communicator, model, strategy, step);
            }

            strategy.Finish(model.Context(communicator, 40, 0));
            return communicator.Traffic(1).PayloadBytes;
        }).Sum();

        var synchronous = Payload(() => new DataParallelStrategy());
        Assert.True(synchronous > 0);
        Assert.Equal(synchronous, every * Payload(() => new DiLoCoStrategy(new DiLoCoOptions { SyncEvery = every })));
    }

    [Fact]
    public void Averaging_that_is_tried_again_takes_its_local_step_once()
    {
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 1 }, rate: 1);
            model.Gradients.Fill(2);
            for (var attempt = 0; attempt < 2; attempt++)
            {
                // Nobody takes weight, so there is no average.
                Assert.Throws<OperationException>(
                    () => strategy.Exchange(model.Context(communicator, 0, 1) with { TakesWeight = false }));
                Assert.All(model.Parameters.ToArray(), p => Assert.Equal(-2, p));
            }

            Assert.Equal(2 * Math.Sqrt(Size), strategy.Run(model.Context(communicator, 0, 1)).GradientNorm, 12);
            Assert.Equal(1, model.Applied);
            model.Gradients.Fill(2);
            strategy.Run(model.Context(communicator, 1, 1));
            Assert.Equal(2, model.Applied);
            return model.Parameters[0];
        });

        // v = 2, then 3.8: 0.7 (2 + 1.8) and 0.7 (2 + 0.9 x 3.8).
        Assert.All(results, p => Assert.InRange(p + 2.66 + 3.794, -1e-12, 1e-12));
    }

    [Fact]
    public void Finish_averages_what_is_left_once()
    {
        var oracle = new ScalarDiLoCo(2, Size, Rate, 0.7, 0.9);
        for (var step = 0; step < 5; step++)
        {
            oracle.Local(0, Sample(step, 0));
            oracle.Local(1, Sample(step, 1));
            if (step is 2 or 4)
            {
                oracle.Average(0, 1);
            }
        }

        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 3 });
            for (var step = 0; step < 5; step++)
            {
                Step(communicator, model, strategy, step);
            }

            strategy.Finish(model.Context(communicator, 5, 0));
            strategy.Finish(model.Context(communicator, 5, 0));
            return model.Parameters.ToArray();
        });
        Close(oracle.Outer, results[0], 1e-12);
        Assert.Equal(Bits(results[0]), Bits(results[1]));
    }

    [Fact]
    public void Newcomer_takes_outer_state_trains_without_weight_and_is_level_after_its_first_averaging()
    {
        var states = new StateBox();
        var results = new InProcessCluster(3).RunAll(communicator =>
        {
            var joins = communicator.View.Rank == 2;
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 3, SynchronousSteps = 1 });
            for (var step = 0; step < 10; step++)
            {
                if (joins && step == 5)
                {
                    // In the middle of a round; up to now it only looked on, with no samples and nothing applied.
                    states.Restore(strategy.State);
                    strategy.State.CopyParametersTo(model.Flat);
                }

                var trains = !joins || step >= 5;
                model.Backward(trains ? [Sample(step, communicator.View.Rank)] : []);
                var context = model.Context(communicator, step, trains ? 1 : 0) with { TakesWeight = !joins || step > 6 };
                var outcome = strategy.Exchange(context);
                if (trains)
                {
                    strategy.Apply(context, outcome);
                }

                if (step == 3 && communicator.View.Rank == 0)
                {
                    states.Capture(strategy.State);
                }

                if (outcome.Exchanged)
                {
                    Assert.Equal(step switch { 0 or 3 or 6 => 2, _ => 3 }, step == 0 ? 2 : outcome.TotalWeight);
                }
            }

            return model.Parameters.ToArray();
        });
        Assert.All(results, r => Assert.Equal(Bits(results[0]), Bits(r)));
        Assert.NotEqual(0, results[0][0]);

        var oracle = new ScalarDiLoCo(3, Size, Rate, 0.7, 0.9);
        oracle.Local(0, Sample(0, 0), Sample(0, 1));
        oracle.Members[0].CopyTo(oracle.Outer, 0);
        oracle.Members.ForEach(m => oracle.Outer.CopyTo(m, 0));
        for (var step = 1; step < 10; step++)
        {
            for (var m = 0; m < 3; m++)
            {
                oracle.Local(m, Sample(step, m));
            }

            if (step % 3 == 0)
            {
                oracle.Average(step < 9 ? [0, 1] : [0, 1, 2]);
            }
        }

        Close(oracle.Outer, results[0], 1e-12);
    }

    [Fact]
    public void Gradient_that_is_not_finite_stops_the_member_before_it_moves()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            var (model, strategy) = Create(communicator, new DiLoCoOptions { SyncEvery = 4 });
            model.Gradients[Size - 1] = double.NaN;
            var error = Assert.Throws<NotFiniteException>(() => strategy.Exchange(model.Context(communicator, 7, 1)));
            Assert.Contains("step 7", error.Message, StringComparison.Ordinal);
            Assert.Contains("'second'", error.Message, StringComparison.Ordinal);
            return model.Applied;
        }).ToList().ForEach(applied => Assert.Equal(0, applied));
    }

    [Fact]
    public void Local_gradient_is_clipped_by_its_own_norm()
    {
        new InProcessCluster(1).RunAll(communicator =>
        {
            var (model, strategy) = Create(
                communicator,
                new DiLoCoOptions { SyncEvery = 9, DataParallel = new DataParallelOptions { ClipNorm = 2.5 } },
                rate: 1);
            (model.Gradients[0], model.Gradients[1]) = (3, 4);
            Assert.Equal(5, strategy.Run(model.Context(communicator, 0, 1)).GradientNorm);
            return model.Parameters.ToArray();
        }).ToList().ForEach(p => Close([-1.5, -2], p[..2], 1e-6));
    }

    [Fact]
    public void State_of_another_strategy_is_refused_and_changes_nothing()
    {
        var state = new DiLoCoStrategy(new DiLoCoOptions { SynchronousSteps = 1 }).State;
        var before = state.Save();
        Assert.Throws<InputException>(() => state.Load(new DataParallelStrategy().State.Save().AsSpan()[..1]));
        Assert.Throws<InputException>(() => state.Load([9, 1, 1, 10]));
        Assert.Throws<InputException>(() => state.Load([1, 1, 7, 7]));
        Assert.Equal(before, state.Save());
        Assert.False(state.HoldsParameters);
    }

    [Theory]
    [InlineData(0, 0.7, 0.9, 0)]
    [InlineData(1, 0.0, 0.9, 0)]
    [InlineData(1, double.NaN, 0.9, 0)]
    [InlineData(1, 0.7, 1.0, 0)]
    [InlineData(1, 0.7, -0.1, 0)]
    [InlineData(1, 0.7, 0.9, -1)]
    public void Options_out_of_range_are_refused(int every, double rate, double momentum, long synchronous) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiLoCoStrategy(new DiLoCoOptions
        {
            SyncEvery = every, OuterLearningRate = rate, OuterMomentum = momentum, SynchronousSteps = synchronous,
        }));

    private static long Sample(int step, int rank) => (step * 10L) + rank;

    private static (LinearModel Model, DiLoCoStrategy Strategy) Create(
        ICommunicator communicator, DiLoCoOptions options, double rate = Rate)
    {
        var model = new LinearModel(Size, rate);
        var strategy = new DiLoCoStrategy(options);
        strategy.Start(model.Flat, communicator);
        return (model, strategy);
    }

    private static StepOutcome Step(ICommunicator communicator, LinearModel model, ITrainingStrategy strategy, int step)
    {
        model.Backward([Sample(step, communicator.View.Rank)]);
        var outcome = strategy.Run(model.Context(communicator, step, 1));
        Assert.Equal(strategy.Exchanges(step), outcome.Exchanged);
        return outcome;
    }

    private static long[] Bits(double[] values) => Array.ConvertAll(values, BitConverter.DoubleToInt64Bits);

    private static void Close(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(actual[i] - expected[i], -tolerance, tolerance);
        }
    }

    /// <summary>A state on its way from one member to another.</summary>
    private sealed class StateBox
    {
        private readonly ManualResetEventSlim _isCaptured = new();
        private byte[] _bytes = [];
        private List<(string Name, double[] Values)> _buffers = [];

        public void Capture(StrategyState state)
        {
            _bytes = state.Save();
            _buffers = [.. state.Buffers.Select(b => (b.Name, b.Buffer.AsSpan<double>().ToArray()))];
            _isCaptured.Set();
        }

        public void Restore(StrategyState state)
        {
            Assert.True(_isCaptured.Wait(TimeSpan.FromSeconds(60)));
            state.Load(_bytes);
            Assert.Equal(_buffers.Select(b => b.Name), state.Buffers.Select(b => b.Name));
            for (var i = 0; i < _buffers.Count; i++)
            {
                _buffers[i].Values.CopyTo(state.Buffers[i].Buffer.AsSpan<double>());
            }
        }
    }
}
