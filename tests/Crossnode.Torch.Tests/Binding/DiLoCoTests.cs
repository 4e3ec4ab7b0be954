using Crossnode.Testing;
using Crossnode.TorchSharp;
using Crossnode.Training;
using Crossnode.Training.DiLoCo;
using Crossnode.Training.SynchronousDataParallel;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>DiLoCo through the binding equals optimisers that run by themselves and an outer step in plain loops.</summary>
[Trait("tier", "integration")]
public sealed class DiLoCoTests
{
    private const int Members = 3;
    private const int Steps = 9;
    private const int Synchronous = 5;

    // Below all gradients of these runs: every step clips.
    private const double ClipNorm = 0.1;
    private static readonly DiLoCoOptions Options = new() { SyncEvery = 4 };
    private static readonly WarmupCosineSchedule Schedule = new() { Peak = 0.05, Floor = 0.001, WarmupSteps = 3, TotalSteps = 17 };

    public DiLoCoTests() => set_num_threads(1);

    [TorchFact]
    public void Members_equal_own_optimisers_and_an_outer_step_in_plain_loops()
    {
        var expected = Alone();
        var together = Together(new DistributionOptions());
        Assert.Single(together.Select(t => t.Hash).Distinct());
        Assert.Equal("...x...x.", together[0].Exchanged);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(together[0].Values[i] - expected[i], -2e-6, 2e-6);
        }
    }

    /// <summary>A whole run as bench/Crossnode.StrategyBench has it: torch's own SGD takes the outer steps.</summary>
    [TorchFact]
    public void Synchronous_steps_a_schedule_and_clipping_equal_optimisers_of_torch_inside_and_outside()
    {
        var expected = DiLoCoOfTorch();
        var options = Options with
        {
            SynchronousSteps = Synchronous,
            OuterLearningRate = 0.8,
            OuterMomentum = 0.6,
            DataParallel = new DataParallelOptions { ClipNorm = ClipNorm, ExpectedGlobalBatch = Members },
        };
        var results = new InProcessCluster(Members).RunAll(communicator =>
        {
            using var net = Nets.Plain(communicator.View.Rank);
            using var optimizer = Adam(net);
            using var trainer = Distribution.Create(communicator, net, optimizer, new DiLoCoStrategy(options));
            for (var step = 0; step < Synchronous + (3 * Options.SyncEvery); step++)
            {
                using var scope = NewDisposeScope();
                optimizer.ParamGroups.First().LearningRate = Schedule.At(step);
                optimizer.zero_grad();
                Nets.Loss(net, Sample(step, communicator.View.Rank)).backward();
                trainer.Step(samples: 1);
            }

            return Nets.Values(net);
        });
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(results[0][i] - expected[i], -2e-6, 2e-6);
        }
    }

    [TorchFact]
    public void Copies_in_host_memory_and_asynchronous_steps_give_the_same_bits()
    {
        var direct = Together(new DistributionOptions());
        Assert.Equal(direct, Together(new DistributionOptions { ForceStaging = true }), (a, b) => a.Hash == b.Hash);
        var later = new InProcessCluster(Members).RunAll(communicator => SingleThreadContext.Run(async () =>
        {
            using var net = Nets.Plain(0);
            using var optimizer = Adam(net);
            using var trainer = Distribution.Create(communicator, net, optimizer, new DiLoCoStrategy(Options));
            for (var step = 0; step < Steps; step++)
            {
                optimizer.zero_grad();
                Nets.Loss(net, Sample(step, communicator.View.Rank)).backward();
                await trainer.StepAsync(samples: 1);
            }

            trainer.Finish();
            return trainer.Hash();
        }));
        Assert.Equal(direct.Select(d => d.Hash), later);
    }

    private static long Sample(int step, int rank) => (step * 10L) + rank;

    private static AdamW Adam(nn.Module net) => optim.AdamW(net.parameters(), 0.02, weight_decay: 0.1);

    private static IReadOnlyList<(StateHash Hash, double[] Values, string Exchanged)> Together(DistributionOptions options) =>
        new InProcessCluster(Members).RunAll(communicator =>
        {
            using var net = Nets.Plain(communicator.View.Rank);
            using var optimizer = Adam(net);
            using var trainer = Distribution.Create(communicator, net, optimizer, new DiLoCoStrategy(Options), options);
            var exchanged = "";
            for (var step = 0; step < Steps; step++)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                Nets.Loss(net, Sample(step, communicator.View.Rank)).backward();
                exchanged += trainer.Step(samples: 1).Exchanged ? "x" : ".";
            }

            trainer.Finish();
            return (trainer.Hash(), Nets.Values(net), exchanged);
        });

    private static double[] Alone()
    {
        using var scope = NewDisposeScope();
        var nets = Enumerable.Range(0, Members).Select(_ => Nets.Plain(0)).ToList();
        var optimizers = nets.ConvertAll(Adam);
        var outer = Nets.Values(nets[0]);
        var momentum = new double[outer.Length];
        for (var step = 0; step < Steps; step++)
        {
            for (var m = 0; m < Members; m++)
            {
                optimizers[m].zero_grad();
                Nets.Loss(nets[m], Sample(step, m)).backward();
                optimizers[m].step();
            }

            if (step % 4 == 3 || step == Steps - 1)
            {
                var ends = nets.ConvertAll(Nets.Values);
                for (var i = 0; i < outer.Length; i++)
                {
                    var delta = outer[i] - ends.Average(e => e[i]);
                    momentum[i] = (0.9 * momentum[i]) + delta;
                    outer[i] -= 0.7 * (delta + (0.9 * momentum[i]));
                }

                nets.ForEach(net => Write(net, outer));
            }
        }

        optimizers.ForEach(o => o.Dispose());
        nets.ForEach(n => n.Dispose());
        return outer;
    }

    private static double[] DiLoCoOfTorch()
    {
        using var scope = NewDisposeScope();
        var nets = Enumerable.Range(0, Members).Select(_ => Nets.Plain(0)).ToList();
        var optimizers = nets.ConvertAll(Adam);
        void Take(int member, int step, params long[] samples)
        {
            optimizers[member].ParamGroups.First().LearningRate = Schedule.At(step);
            optimizers[member].zero_grad();
            Nets.Loss(nets[member], samples).backward();
            Assert.True(nn.utils.clip_grad_norm_(nets[member].parameters(), ClipNorm) > ClipNorm);
            optimizers[member].step();
        }

        // Every member has the whole batch: data parallel without a message.
        for (var step = 0; step < Synchronous; step++)
        {
            for (var m = 0; m < Members; m++)
            {
                Take(m, step, [.. Enumerable.Range(0, Members).Select(r => Sample(step, r))]);
            }
        }

        using var outerNet = Nets.Plain(0);
        Write(outerNet, Nets.Values(nets[0]));
        using var outer = optim.SGD(outerNet.parameters(), 0.8, momentum: 0.6, nesterov: true);
        for (var step = Synchronous; step < Synchronous + (3 * Options.SyncEvery); step++)
        {
            for (var m = 0; m < Members; m++)
            {
                Take(m, step, Sample(step, m));
            }

            if ((step + 1 - Synchronous) % Options.SyncEvery == 0)
            {
                foreach (var (parameter, ends) in outerNet.parameters().Select((p, i) => (p, nets.ConvertAll(n => n.parameters().ElementAt(i)))))
                {
                    parameter.grad = ends.Select(e => parameter.detach() - e.detach()).Aggregate((a, b) => a + b) / Members;
                }

                outer.step();
                nets.ForEach(net => Write(net, Nets.Values(outerNet)));
            }
        }

        var values = Nets.Values(outerNet);
        optimizers.ForEach(o => o.Dispose());
        nets.ForEach(n => n.Dispose());
        return values;
    }

    private static void Write(nn.Module net, double[] values)
    {
        using var mode = no_grad();
        var at = 0;
        foreach (var parameter in net.parameters())
        {
            var count = (int)parameter.numel();
            parameter.copy_(tensor(values[at..(at + count)]).view(parameter.shape));
            at += count;
        }
    }
}
