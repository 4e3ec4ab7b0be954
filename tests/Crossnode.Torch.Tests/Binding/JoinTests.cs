using System.Runtime.CompilerServices;
using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.TorchSharp;
using Crossnode.Training;
using Crossnode.Training.DiLoCo;
using Crossnode.Training.Sampling;
using Crossnode.Training.SynchronousDataParallel;
using Crossnode.Transport;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>Members that come while others train, over real sockets: all end with the same state, and it is the right one.</summary>
[Trait("tier", "integration")]
public sealed class JoinTests
{
    private const int Founders = 2;
    private const int StepsTogether = 10;
    private const int LongestRun = 1500;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public enum Method
    {
        DataParallel,
        DiLoCo,
    }

    public enum Optimizer
    {
        AdamW,
        Momentum,
        Plain,
    }

    [TorchTheory]
    [InlineData(Method.DataParallel, Optimizer.AdamW)]
    [InlineData(Method.DataParallel, Optimizer.Momentum)]
    [InlineData(Method.DataParallel, Optimizer.Plain)]
    [InlineData(Method.DiLoCo, Optimizer.AdamW)]
    public void Newcomer_gets_level_while_the_others_train(Method method, Optimizer optimizer)
    {
        using var joiners = new CountdownEvent(1);
        var results = Run(method, optimizer, joiners, founders: Founders, comers: 1);

        Assert.All(results, result => Assert.Null(result.Error));
        Assert.Single(results.Select(result => result.Hash).Distinct());
        var founder = results[0];
        var newcomer = results[Founders];
        Assert.True(newcomer.FirstStep > 0, "the newcomer began with the others");
        Assert.Equal(Enumerable.Range(0, Founders + 1).Select(i => new MemberId((uint)i)), founder.Steps[^1].Members);
        Assert.All(results, result => Assert.Equal(founder.Steps[^1].Members, result.Steps[^1].Members));

        // Until it took weight, the run was the one that it would have been without it, to the bit.
        var alone = Run(method, optimizer, null, Founders, comers: 0, founder.Steps.Count)[0];
        var before = founder.Steps.TakeWhile(step => step.Members.Count is 0 or Founders).Count();
        Assert.Equal(founder.Steps.Count - StepsTogether - 1, before);
        Assert.Equal(alone.Steps.Take(before).Select(step => step.Loss), founder.Steps.Take(before).Select(step => step.Loss));
        if (method == Method.DataParallel)
        {
            Assert.All(founder.Steps, step => Assert.Equal(12, step.Samples));
        }
    }

    [TorchFact]
    public void Newcomer_fetches_the_state_once_though_averagings_go_on_meanwhile()
    {
        using var joiners = new CountdownEvent(1);
        var results = Run(Method.DiLoCo, Optimizer.AdamW, joiners, Founders, comers: 1, bytesPerSecond: 2000);

        Assert.All(results, result => Assert.Null(result.Error));
        Assert.Single(results.Select(result => result.Hash).Distinct());
        Assert.True(results[Founders].StateBytes > 0);
        Assert.Equal(results[Founders].StateBytes, results.Take(Founders).Sum(result => result.BytesServed));
    }

    [TorchFact]
    public void Two_newcomers_at_once_get_level()
    {
        using var joiners = new CountdownEvent(1);
        var results = Run(Method.DataParallel, Optimizer.AdamW, joiners, Founders, comers: 2);

        Assert.All(results, result => Assert.Null(result.Error));
        Assert.Single(results.Select(result => result.Hash).Distinct());
        Assert.Equal(4, results[0].Steps[^1].Members.Count);
    }

    private static List<Result> Run(
        Method method, Optimizer optimizer, CountdownEvent? admitted, int founders, int comers, int? steps = null, long? bytesPerSecond = null)
    {
        set_num_threads(1);
        var run = RunId.Create(new SystemRandomSource());
        using var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions { ExpectedMembers = founders, Run = run }, new TcpTransport());
        var results = new Result[founders + comers];
        var last = new StrongBox<long>(steps is { } limit ? limit - 1 : LongestRun);
        var threads = Enumerable.Range(0, results.Length).Select(i => new Thread(() =>
        {
            try
            {
                if (i >= founders)
                {
                    Assert.True(admitted!.Wait(Patience), "the founders did not begin");
                }

                results[i] = Train(coordinator.Address, run, i, founders, comers, method, optimizer, admitted, last, bytesPerSecond);
            }
            catch (Exception e)
            {
                results[i] = new Result("", 0, [], e);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return [.. results];
    }

    private static Result Train(
        string address,
        RunId run,
        int number,
        int founders,
        int comers,
        Method method,
        Optimizer kind,
        CountdownEvent? admitted,
        StrongBox<long> last,
        long? bytesPerSecond)
    {
        var stateBytes = 0L;
        using var session = Session.Join(
            new SessionOptions
            {
                Run = run,
                Coordinator = address,
                Self = number < founders ? new MemberId((uint)number) : MemberId.Unassigned,
                Incarnation = new SystemRandomSource().NextUInt64(),
            },
            new TcpTransport());
        using var net = Nets.Normalised(number);
        using optim.Optimizer optimizer = kind switch
        {
            Optimizer.AdamW => optim.AdamW(net.parameters(), 0.01),
            Optimizer.Momentum => optim.SGD(net.parameters(), 0.01, momentum: 0.9),
            _ => optim.SGD(net.parameters(), 0.01),
        };
        ITrainingStrategy strategy = method == Method.DataParallel
            ? new DataParallelStrategy()
            : new DiLoCoStrategy(new DiLoCoOptions { SyncEvery = 5, SynchronousSteps = 4 });
        using var trainer = session.Distribute(
            net,
            optimizer,
            strategy,
            new DistributionOptions { StateBytesPerSecond = bytesPerSecond, JoinProgress = (_, total, _) => stateBytes = total });
        var sampler = trainer.Carry(new ShardedSampler(
            new ShardedSamplerOptions { SampleCount = 100_000, MicroBatchSize = 2, MicroBatchesPerStep = 6 }, trainer.Members));
        var first = trainer.NextStep;
        var done = new List<StepResult>();
        for (var step = first; step <= Volatile.Read(ref last.Value); step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ParamGroups.First().LearningRate = 0.01 / (1 + (step * 0.01));
            var share = sampler.Deal(trainer.Self);
            optimizer.zero_grad();
            double loss = 0;
            foreach (var batch in share.MicroBatches)
            {
                using var own = Nets.Loss(net, [.. batch.Samples]);
                (own * batch.Share).backward();
                loss += own.item<float>() * batch.Share;
            }

            var wasLevel = trainer.IsLevel;
            var outcome = trainer.Step(share.SampleCount, loss);
            sampler.Committed(outcome.Exchanged ? outcome.Members : trainer.Members);
            if (outcome.Exchanged)
            {
                // Newcomers meet it at any place of their way in.
                var votes = new double[] { wasLevel ? 1 : 0 };
                var ballot = TensorBuffer.From(votes.AsMemory());
                trainer.Run(new OperationGroup().AllReduce(ballot, ballot, ReduceOperator.Sum)).ThrowIfFailed();
                Assert.InRange(votes[0], founders, founders + comers);
            }

            done.Add(new StepResult(trainer.MeanLoss, outcome.Members, outcome.TotalSamples));
            if (number == 0 && comers > 0 && outcome.Members.Count == founders + comers && last.Value == LongestRun)
            {
                // No member is that far yet: each exchange needs all of them.
                Volatile.Write(ref last.Value, step + StepsTogether);
            }

            if (step == 6 && number == 0 && admitted is { CurrentCount: > 0 })
            {
                admitted.Signal();
            }
        }

        Assert.True(SpinWait.SpinUntil(() => trainer.StateCounters!.Copies == 0, Patience), "a copy of the state is kept for nobody");
        return new Result(trainer.Hash().ToString(), first, done, null)
        {
            BytesServed = trainer.StateCounters!.BytesServed, StateBytes = stateBytes,
        };
    }

    private sealed record StepResult(double Loss, IReadOnlyList<MemberId> Members, long Samples);

    private sealed record Result(string Hash, long FirstStep, List<StepResult> Steps, Exception? Error)
    {
        public long BytesServed { get; init; }

        public long StateBytes { get; init; }
    }
}
