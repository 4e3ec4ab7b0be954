using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.TorchSharp;
using Crossnode.Training.Sampling;
using Crossnode.Transport;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>The binding over real sessions: sockets, views and a coordinator in one process.</summary>
[Trait("tier", "integration")]
public sealed class SessionTests
{
    private const int Steps = 30;
    private const int DeathStep = 10;

    [TorchFact]
    public void Members_train_over_sockets_and_go_on_when_one_dies()
    {
        const int Workers = 3;
        set_num_threads(1);
        var run = RunId.Create(new SystemRandomSource());
        using var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions { ExpectedMembers = Workers, Run = run }, new TcpTransport());
        var results = new Result?[Workers];
        var threads = Enumerable.Range(0, Workers).Select(i => new Thread(() =>
        {
            try
            {
                results[i] = Train(coordinator.Address, run, i);
            }
            catch (Exception e)
            {
                results[i] = new Result("", [], 0, e);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        Assert.Null(results[0]!.Error);
        Assert.Null(results[2]!.Error);
        Assert.Equal(results[0]!.Hash, results[2]!.Hash);
        Assert.Equal(results[0]!.Members, results[2]!.Members);
        Assert.Equal([new MemberId(0), new MemberId(2)], results[0]!.Members);

        // 12 samples a step before and after the death; in between the dead member's share of four was missing once.
        Assert.Equal((12L * Steps) - 4, results[0]!.Samples);
        Assert.Equal(results[0]!.Samples, results[2]!.Samples);
    }

    private static Result Train(string address, RunId run, int worker)
    {
        using var session = Session.Join(
            new SessionOptions
            {
                Run = run,
                Coordinator = address,
                Self = new MemberId((uint)worker),
                Incarnation = (ulong)worker + 1,
            },
            new TcpTransport());
        using var net = Nets.Normalised(worker);
        using var optimizer = optim.AdamW(net.parameters(), 0.01);
        using var trainer = session.Distribute(net, optimizer);
        var sampler = new ShardedSampler(
            new ShardedSamplerOptions { SampleCount = 100_000, MicroBatchSize = 2, MicroBatchesPerStep = 6 }, trainer.Members);
        var total = 0L;
        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            var share = sampler.Deal(trainer.Self);
            optimizer.zero_grad();
            foreach (var batch in share.MicroBatches)
            {
                (Nets.Loss(net, [.. batch.Samples]) * batch.Share).backward();
            }

            if (worker == 1 && step == DeathStep)
            {
                session.Abandon();
                return new Result("", [], 0, null);
            }

            var outcome = trainer.Step(share.SampleCount);
            sampler.Committed(outcome.Members);
            total += outcome.TotalSamples;
        }

        return new Result(trainer.Hash().ToString(), trainer.Members, total, null);
    }

    private sealed record Result(string Hash, IReadOnlyList<MemberId> Members, long Samples, Exception? Error);
}
