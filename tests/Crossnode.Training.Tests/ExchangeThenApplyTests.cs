using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Testing;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Training.Tests;

/// <summary>What a member relies on that takes part before it has the state of the others.</summary>
[Trait("tier", "unit")]
public sealed class ExchangeThenApplyTests
{
    private const int Size = 12;

    [Fact]
    public void Member_without_weight_changes_nothing_and_catches_up_from_what_it_put_aside()
    {
        const int Steps = 4;
        const long Batch = 300;
        var options = new DataParallelOptions { ExpectedGlobalBatch = 4, ClipNorm = 0.5 };

        double[] Train(int members) => [.. new InProcessCluster(members).RunAll(communicator =>
        {
            var model = new LinearModel(Size, 0.05);
            var strategy = new DataParallelStrategy(options);
            var joins = communicator.View.Rank == 2;
            var aside = new List<(StepOutcome Outcome, double[] Averages)>();
            for (var step = 0; step < Steps; step++)
            {
                model.Backward([step, 50 + communicator.View.Rank]);
                var context = model.Context(communicator, step, Batch) with { TakesWeight = !joins };
                var outcome = strategy.Exchange(context);
                if (joins)
                {
                    aside.Add((outcome, model.Flat.Averages[0].AsSpan<double>().ToArray()));
                }
                else
                {
                    Assert.Equal(2 * Batch, outcome.TotalSamples);
                    strategy.Apply(context, outcome);
                }
            }

            foreach (var (outcome, averages) in aside)
            {
                averages.CopyTo(model.Flat.Averages[0].AsSpan<double>());
                strategy.Apply(model.Context(communicator, outcome.Step, 0), outcome);
            }

            return (model.Parameters.ToArray(), State: Convert.ToHexString(strategy.State.Save()));
        }).Select((r, rank) => rank < 2 || r.State == "010A" ? r.Item1 : throw new InvalidOperationException(r.State))
            .DistinctBy(p => string.Join(' ', p.Select(BitConverter.DoubleToInt64Bits)))
            .Single()];

        // 600 samples in all are below 2^10, which the put-aside steps must find out too.
        Assert.Equal(Train(2), Train(3));
    }

    [Fact]
    public void Scale_of_weights_travels_with_the_state()
    {
        var options = new DataParallelOptions { ExpectedGlobalBatch = 1000 };
        var saved = new DataParallelStrategy(options).State.Save();
        var other = new DataParallelStrategy();
        other.State.Load(saved);
        Assert.Equal(saved, other.State.Save());
        Assert.Equal([1, 10], saved);
        Assert.Throws<InputException>(() => other.State.Load([2, 10]));
        Assert.Throws<InputException>(() => other.State.Load([1, 33]));
        Assert.Throws<InputException>(() => other.State.Load([1]));
        Assert.Equal(saved, other.State.Save());
    }

    [Fact]
    public void Failed_exchange_leaves_all_as_it_was_and_may_be_tried_again()
    {
        var results = new InProcessCluster(2).RunAll(communicator =>
        {
            var model = new LinearModel(Size, 1);
            var strategy = new DataParallelStrategy();
            model.Gradients.Fill(communicator.View.Rank);
            Assert.Throws<OperationException>(
                () => strategy.Exchange(model.Context(communicator, 0, 1) with { TakesWeight = false }));
            Assert.All(model.Parameters.ToArray(), p => Assert.Equal(0, p));
            Assert.All(model.Gradients.ToArray(), g => Assert.Equal(communicator.View.Rank, g));
            strategy.Run(model.Context(communicator, 0, 1));
            return model.Parameters.ToArray();
        });
        Assert.All(results, r => Assert.All(r, p => Assert.Equal(-0.5, p)));
    }
}
