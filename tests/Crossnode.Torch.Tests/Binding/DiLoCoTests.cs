using Crossnode.Testing;
using Crossnode.TorchSharp;
using Crossnode.Training;
using Crossnode.Training.DiLoCo;
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
    private static readonly DiLoCoOptions Options = new() { SyncEvery = 4 };

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
