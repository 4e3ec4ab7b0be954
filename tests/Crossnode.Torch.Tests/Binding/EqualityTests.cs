using Crossnode.Collectives;
using Crossnode.Testing;
using Crossnode.TorchSharp;
using Crossnode.Training.SynchronousDataParallel;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>Members training together must equal one process training on the concatenated batch.</summary>
[Trait("tier", "integration")]
public sealed class EqualityTests
{
    private const int Steps = 6;

    public EqualityTests() => set_num_threads(1);

    // Member r has 3, 1, 0 and 2 samples: an average that ignores counts, or one that counts an empty member, would be wrong.
    private static long[] Shard(int step, int rank) =>
        [.. Enumerable.Range(0, new[] { 3, 1, 0, 2 }[rank % 4]).Select(i => (step * 40L) + (rank * 10) + i)];

    private static optim.Optimizer Sgd(nn.Module net) =>
        optim.SGD(net.parameters().Distinct(), 0.1, momentum: 0.9);

    private static optim.Optimizer AdamInGroups(nn.Module net)
    {
        var all = net.parameters().Distinct().ToList();
        return optim.AdamW(
        [
            new AdamW.ParamGroup(all.Where(p => p.dim() > 1), lr: 0.05, weight_decay: 0.3),
            new AdamW.ParamGroup(all.Where(p => p.dim() <= 1), lr: 0.01, weight_decay: 0),
        ]);
    }

    [TorchTheory]
    [InlineData("plain", "sgd", false)]
    [InlineData("plain", "adam", true)]
    [InlineData("tied", "sgd", true)]
    [InlineData("tied", "adam", false)]
    [InlineData("frozen", "adam", false)]
    [InlineData("unused", "adam", false)]
    [InlineData("unused", "adam", true)]
    [InlineData("unused", "sgd", true)]
    public void Members_equal_one_process(string kind, string optimizer, bool setToNull)
    {
        var build = Builder(kind);
        Func<nn.Module, optim.Optimizer> optimise = optimizer == "sgd" ? Sgd : AdamInGroups;
        var alone = Alone(build, optimise, setToNull);
        foreach (var members in new[] { 1, 4 })
        {
            var together = Together(build, optimise, setToNull, members);
            Assert.Single(together.Select(t => t.Hash).Distinct());
            if (members == 4)
            {
                Close(alone.Values, together[0].Values, 2e-6);
                Assert.All(together, t => Assert.Equal(alone.Loss, t.Loss, 1e-5));
            }
        }
    }

    [TorchFact]
    public void Parameters_of_four_element_types_are_averaged()
    {
        var alone = Alone(Nets.Mixed, Sgd, false);
        var together = Together(Nets.Mixed, Sgd, false, 4);
        Assert.Single(together.Select(t => t.Hash).Distinct());
        Close(alone.Values, together[0].Values, 0.02);
    }

    [TorchFact]
    public void Copies_in_host_memory_give_the_same_bits_as_the_tensors_themselves()
    {
        var direct = Together(Nets.Unused, AdamInGroups, true, 3);
        var staged = Together(Nets.Unused, AdamInGroups, true, 3, new DistributionOptions { ForceStaging = true });
        Assert.Equal(direct.Select(d => d.Hash), staged.Select(s => s.Hash));
    }

    [TorchFact]
    public void Clipped_gradients_equal_clip_grad_norm_in_one_process()
    {
        var alone = Alone(Nets.Plain, Sgd, false, clip: 0.05);
        var together = Together(
            Nets.Plain, Sgd, false, 4, strategy: () => new DataParallelStrategy(new DataParallelOptions { ClipNorm = 0.05 }));
        Close(alone.Values, together[0].Values, 2e-6);
        Assert.NotEqual(Alone(Nets.Plain, Sgd, false).Values, alone.Values);
    }

    [TorchFact]
    public void Accumulation_without_synchronisation_equals_one_batch()
    {
        var whole = Together(Nets.Plain, Sgd, false, 2);
        var pieces = new InProcessCluster(2).RunAll(communicator =>
        {
            using var net = Nets.Plain(communicator.View.Rank);
            using var optimizer = Sgd(net);
            using var trainer = Distribution.Create(communicator, net, optimizer);
            for (var step = 0; step < Steps; step++)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                var samples = Shard(step, communicator.View.Rank);
                using (trainer.NoSync())
                {
                    foreach (var sample in samples[..^1])
                    {
                        (Nets.Loss(net, sample) / samples.Length).backward();
                        Assert.False(trainer.Step(samples: 1).Exchanged);
                    }
                }

                (Nets.Loss(net, samples[^1]) / samples.Length).backward();
                var outcome = trainer.Step(samples: 1);
                Assert.Equal(4, outcome.TotalSamples);
                Assert.Equal(step, outcome.Step);
            }

            return Nets.Values(net);
        });
        Close(whole[0].Values, pieces[0], 2e-6);
        Close(whole[1].Values, pieces[1], 2e-6);
    }

    [TorchFact]
    public void Survivors_of_a_kill_go_on_with_their_own_samples()
    {
        var cluster = new InProcessCluster(3);
        cluster.KillAt(1, tag: 1, sequence: 5);
        var results = cluster.Run(communicator => Train(communicator, Nets.Plain, Sgd, false, null, null));
        Assert.NotNull(results[1].Error);
        Assert.Equal(results[0].Result!.Hash, results[2].Result!.Hash);

        using var net = Nets.Plain(0);
        using var optimizer = Sgd(net);
        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            Nets.Loss(net, [.. Enumerable.Range(0, 3).Where(r => r != 1 || step < 2).SelectMany(r => Shard(step, r))]).backward();
            optimizer.step();
        }

        Close(Nets.Values(net), results[0].Result!.Values, 2e-6);
    }

    private static Func<int, nn.Module<Tensor, Tensor>> Builder(string kind) => kind switch
    {
        "tied" => Nets.Tied,
        "frozen" => Nets.Frozen,
        "unused" => Nets.Unused,
        _ => Nets.Plain,
    };

    private static Trained Alone(
        Func<int, nn.Module<Tensor, Tensor>> build,
        Func<nn.Module, optim.Optimizer> optimise,
        bool setToNull,
        double? clip = null)
    {
        using var net = build(0);
        using var optimizer = optimise(net);
        var loss = 0.0;
        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            Zero(net, optimizer, setToNull);
            var mean = Nets.Loss(net, [.. Enumerable.Range(0, 4).SelectMany(r => Shard(step, r))]);
            mean.backward();
            if (clip is { } limit)
            {
                nn.utils.clip_grad_norm_(net.parameters(), limit);
            }

            optimizer.step();
            loss = mean.item<float>();
        }

        return new Trained(Nets.Values(net), "", loss);
    }

    private static IReadOnlyList<Trained> Together(
        Func<int, nn.Module<Tensor, Tensor>> build,
        Func<nn.Module, optim.Optimizer> optimise,
        bool setToNull,
        int members,
        DistributionOptions? options = null,
        Func<DataParallelStrategy>? strategy = null) =>
        new InProcessCluster(members).RunAll(c => Train(c, build, optimise, setToNull, options, strategy));

    private static Trained Train(
        ICommunicator communicator,
        Func<int, nn.Module<Tensor, Tensor>> build,
        Func<nn.Module, optim.Optimizer> optimise,
        bool setToNull,
        DistributionOptions? options,
        Func<DataParallelStrategy>? strategy)
    {
        // Members begin with different weights: those of member 0 must win.
        var rank = (int)communicator.Self.Value;
        using var net = build(rank);
        using var optimizer = optimise(net);
        using var trainer = communicator.Distribute(net, optimizer, strategy?.Invoke(), options);
        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            Zero(net, optimizer, setToNull);
            var samples = Shard(step, rank);
            var loss = 0f;
            if (samples.Length > 0)
            {
                var mean = Nets.Loss(net, samples);
                mean.backward();
                loss = mean.item<float>();
            }

            trainer.Step(samples: samples.Length, loss);
        }

        return new Trained(Nets.Values(net), trainer.Hash().ToString(), trainer.MeanLoss);
    }

    private static void Zero(nn.Module net, optim.Optimizer optimizer, bool setToNull)
    {
        if (setToNull)
        {
            net.zero_grad(set_to_none: true);
        }
        else
        {
            optimizer.zero_grad();
        }
    }

    private static void Close(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"value {i}: {expected[i]} alone, {actual[i]} together");
        }
    }

    private sealed record Trained(double[] Values, string Hash, double Loss);
}
