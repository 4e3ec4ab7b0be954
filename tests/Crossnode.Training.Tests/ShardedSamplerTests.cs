using System.Text.Json;
using CsCheck;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Training.Sampling;

namespace Crossnode.Training.Tests;

[Trait("tier", "property")]
public sealed class ShardedSamplerTests
{
    private static MemberId[] Members(int count) => [.. Enumerable.Range(0, count).Select(i => new MemberId((uint)i))];

    private static string Text(ShardedSampler sampler) => JsonSerializer.Serialize(sampler.Position);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Samples_of_committed_steps_come_exactly_once_an_epoch_across_kills_and_returns(bool perWorker) =>
        Gen.Select(Gen.Long[1, 120], Gen.Int[1, 5], Gen.Int[1, 6], Gen.Int[1, 5], Gen.ULong).Sample(
            (count, size, batches, members, seed) => Simulate(count, size, batches, members, seed, perWorker),
            iter: 1500);

    [Fact]
    public void Saved_sampler_deals_what_the_other_goes_on_to_deal()
    {
        MemberId[] three = [new(0), new(1), new(2)];
        var options = new ShardedSamplerOptions { SampleCount = 50, MicroBatchSize = 2, MicroBatchesPerStep = 6, Seed = 3 };
        var one = new ShardedSampler(options, three);
        one.Deal(new(0));
        one.Committed([new(0), new(2)]);
        one.Deal(new(0));

        var other = new ShardedSampler(options, [new(9)]);
        other.Load(one.Save());

        for (var step = 0; step < 10; step++)
        {
            Assert.Equal(
                one.Deal(new(2)).MicroBatches.SelectMany(batch => batch.Samples),
                other.Deal(new(2)).MicroBatches.SelectMany(batch => batch.Samples));
            one.Committed([new(0), new(2)]);
            other.Committed([new(0), new(2)]);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"Version\":1}")]
    public void Saved_sampler_that_is_none_is_refused_and_changes_nothing(string text)
    {
        var sampler = new ShardedSampler(new ShardedSamplerOptions { SampleCount = 50, MicroBatchSize = 2, MicroBatchesPerStep = 6 }, [new(0)]);
        var before = sampler.Save();

        Assert.Throws<Crossnode.Core.Errors.InputException>(() => sampler.Load(System.Text.Encoding.UTF8.GetBytes(text)));

        Assert.Equal(before, sampler.Save());
    }

    private static void Simulate(long count, int size, int batches, int members, ulong seed, bool perWorker)
    {
        var random = new DeterministicRandom(seed);
        var options = new ShardedSamplerOptions
        {
            SampleCount = count,
            MicroBatchSize = size,
            MicroBatchesPerStep = batches,
            PerWorkerBatch = perWorker,
            Seed = seed,
        };
        var alive = Members(members).ToDictionary(m => m, _ => new ShardedSampler(options, Members(members)));
        var seen = new HashSet<long>();
        for (var epoch = 0L; epoch < 3;)
        {
            var shares = alive.ToDictionary(a => a.Key, a => a.Value.Deal(a.Key));
            Assert.All(shares.Values, s => Assert.Equal(shares.Values.First().Epoch, s.Epoch));
            if (shares.Values.First().Epoch != epoch)
            {
                Assert.Equal(count, seen.Count);
                seen.Clear();
                epoch++;
                continue;
            }

            if (random.NextInt32(8) == 0)
            {
                // The step commits nowhere.
                alive.Values.ToList().ForEach(s => s.NotCommitted());
                continue;
            }

            foreach (var member in alive.Keys.Where(_ => alive.Count > 1 && random.NextInt32(10) == 0).ToList())
            {
                if (alive.Count > 1)
                {
                    alive.Remove(member);
                }
            }

            var committed = alive.Keys.Order().ToList();
            var dealt = committed.SelectMany(m => shares[m].MicroBatches).SelectMany(b => b.Samples).ToList();
            Assert.All(dealt, s => Assert.InRange(s, 0, count - 1));
            Assert.All(dealt, s => Assert.True(seen.Add(s), $"sample {s} twice in epoch {epoch}"));
            if (alive.Count < members && random.NextInt32(6) == 0)
            {
                // A newcomer fetches the position and takes part, first with no samples.
                var newcomer = Members(members).First(m => !alive.ContainsKey(m));
                var position = JsonSerializer.Deserialize<SamplerPosition>(Text(alive[committed[0]]))!;
                var sampler = new ShardedSampler(options, position);
                if (!position.Members.Contains(newcomer.Value))
                {
                    Assert.Equal(0, sampler.Deal(newcomer).SampleCount);
                    alive[newcomer] = sampler;
                    committed = [.. committed.Append(newcomer).Order()];
                }
            }

            foreach (var sampler in alive.Values)
            {
                sampler.Committed(committed);
            }

            Assert.Single(alive.Values.Select(Text).Distinct());
        }
    }

    [Fact]
    public void Global_batch_is_constant_from_the_step_after_a_kill()
    {
        var options = new ShardedSamplerOptions { SampleCount = 10_000, MicroBatchSize = 4, MicroBatchesPerStep = 12 };
        var sampler = new ShardedSampler(options, Members(4));
        Assert.All(Members(4), m => Assert.Equal(3, sampler.Deal(m).MicroBatches.Count));
        MemberId[] left = [new(0), new(1), new(3)];
        var lost = sampler.Deal(new MemberId(2)).MicroBatches.SelectMany(b => b.Samples).ToList();
        sampler.Committed(left);

        Assert.All(left, m => Assert.Equal(4, sampler.Deal(m).MicroBatches.Count));
        Assert.Equal(48, left.Sum(m => sampler.Deal(m).SampleCount));
        var next = left.SelectMany(m => sampler.Deal(m).MicroBatches).SelectMany(b => b.Samples).ToHashSet();
        Assert.All(lost, s => Assert.Contains(s, next));
    }

    [Fact]
    public void Per_worker_batch_shrinks_with_the_members()
    {
        var options = new ShardedSamplerOptions
        {
            SampleCount = 10_000, MicroBatchSize = 4, MicroBatchesPerStep = 2, PerWorkerBatch = true,
        };
        var sampler = new ShardedSampler(options, Members(4));
        Assert.All(Members(4), m => Assert.Equal(8, sampler.Deal(m).SampleCount));
        sampler.Committed(Members(3));
        Assert.All(Members(3), m => Assert.Equal(8, sampler.Deal(m).SampleCount));
    }

    [Fact]
    public void Last_step_of_an_epoch_is_uneven_and_shares_add_up_to_one()
    {
        var options = new ShardedSamplerOptions { SampleCount = 11, MicroBatchSize = 3, MicroBatchesPerStep = 8 };
        var sampler = new ShardedSampler(options, Members(3));
        Assert.Equal([5L, 3, 3], Members(3).Select(m => sampler.Deal(m).SampleCount));
        Assert.Equal([0.6, 0.4], sampler.Deal(new MemberId(0)).MicroBatches.Select(b => b.Share));
        Assert.Equal(0, new ShardedSampler(options with { SampleCount = 2 }, Members(3)).Deal(new MemberId(1)).SampleCount);
    }

    [Fact]
    public void Order_differs_between_seeds_and_epochs_and_repeats_for_the_same()
    {
        static long[] Order(ulong seed, long epoch) =>
            [.. Enumerable.Range(0, 500).Select(i => new IndexPermutation(seed, epoch, 500)[i])];
        Assert.Equal(Order(1, 0), Order(1, 0));
        Assert.NotEqual(Order(1, 0), Order(2, 0));
        Assert.NotEqual(Order(1, 0), Order(1, 1));
    }

    [Fact]
    public void Order_is_a_bijection_for_every_count() => Assert.All(
        Enumerable.Range(1, 300).Append(4096).Append(5000),
        count =>
        {
            var order = new IndexPermutation(7, 3, count);
            Assert.Equal(
                Enumerable.Range(0, count).Select(i => (long)i),
                Enumerable.Range(0, count).Select(i => order[i]).Order());
        });

    [Fact]
    public void Places_of_a_sample_are_spread_evenly_over_seeds()
    {
        // Chi-square over 16 cells, 15 degrees of freedom: above 50 has a probability of about 1e-5.
        const int Cells = 16;
        const int Draws = 8000;
        var hits = new int[Cells];
        for (var seed = 0; seed < Draws; seed++)
        {
            hits[new IndexPermutation((ulong)seed, 0, 1000)[3] * Cells / 1000]++;
        }

        var expected = (double)Draws / Cells;
        Assert.InRange(hits.Sum(h => (h - expected) * (h - expected) / expected), 0, 50);
    }

    [Fact]
    public void Position_of_other_data_or_version_is_refused()
    {
        var options = new ShardedSamplerOptions { SampleCount = 9, MicroBatchSize = 1, MicroBatchesPerStep = 1 };
        var position = new ShardedSampler(options, Members(1)).Position;
        Assert.Throws<InputException>(() => new ShardedSampler(options with { SampleCount = 8 }, position));
        Assert.Throws<InputException>(() => new ShardedSampler(options with { Seed = 5 }, position));
        Assert.Throws<InputException>(() => new ShardedSampler(options, position with { Version = 2 }));
        Assert.Throws<InputException>(() => new ShardedSampler(options, position with { Returned = [3] }));
    }
}
