using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Models;
using Crossnode.Models.Text;
using Crossnode.TorchSharp;
using Crossnode.Training.Sampling;
using Crossnode.Transport;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.StrategyBench;

/// <summary>What one member had in the end.</summary>
/// <param name="Nats">Its cross-entropy on its part of the held-out text.</param>
/// <param name="Bytes">The bytes of that part.</param>
/// <param name="PayloadBytes">What it sent on the tag of the gradients after the first steps.</param>
/// <param name="Hash">The digest of its model.</param>
internal sealed record MemberResult(double Nats, long Bytes, long PayloadBytes, string Hash);

/// <summary>One member of a trial: its own model and optimiser, on a thread of its own, its messages over loopback.</summary>
internal sealed class Member(TrialOptions options, Mode mode, ulong seed, Corpus corpus)
{
    // This machine may be busy with other work: nobody is to be put out for that.
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public MemberResult Run(RunId run, string coordinator, uint number)
    {
        var transport = new TcpTransport();
        using var session = Session.Join(
            new SessionOptions
            {
                Run = run,
                Coordinator = coordinator,
                Self = new MemberId(number),
                Incarnation = new SystemRandomSource().NextUInt64(),
                EvictAfter = Patience,
                Engine = new() { OperationTimeout = Patience },
            },
            transport);
        using var model = new Gpt(new GptOptions
        {
            Layers = options.Layers, Heads = options.Heads, Width = options.Width, Context = options.Context, Seed = seed,
        });
        using var optimizer = DecayGroups.AdamW(model, options.Schedule.Peak, 0.1, 0.9, 0.95);
        var strategy = options.Strategy(mode);
        using var trainer = session.Distribute(model, optimizer, strategy);
        var source = new BatchSource(corpus.Training, options.Context, options.MicroBatch, seed);
        var sampler = new ShardedSampler(
            new ShardedSamplerOptions
            {
                SampleCount = source.BatchesPerEpoch, MicroBatchSize = 1, MicroBatchesPerStep = options.Members, Seed = seed,
            },
            trainer.Members);
        var before = 0L;
        for (var step = 0; step < options.Steps; step++)
        {
            if (step == options.FirstSteps)
            {
                before = session.Traffic(strategy.Tag).PayloadBytes;
            }

            foreach (var group in optimizer.ParamGroups)
            {
                group.LearningRate = options.RateAt(mode, step);
            }

            Step(model, optimizer, trainer, sampler, source);
        }

        var sent = session.Traffic(strategy.Tag).PayloadBytes - before;
        if (mode != Mode.Never)
        {
            trainer.Finish();
        }

        // Members that hold the same model share the text; those that do not each read all of it.
        var windows = options.EvaluateBytes / (options.Context / 2);
        var (nats, bytes) = mode == Mode.Never
            ? HeldOutLoss.Measure(model, corpus.HeldOut, windows)
            : HeldOutLoss.Measure(model, corpus.HeldOut, windows, (int)number, options.Members);
        return new MemberResult(nats, bytes, sent, trainer.Hash().ToString());
    }

    private void Step(
        Gpt model, optim.Optimizer optimizer, DistributedTrainer trainer, ShardedSampler sampler, BatchSource source)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var share = sampler.Deal(trainer.Self);
        var inputs = new byte[options.MicroBatch * options.Context];
        var targets = new byte[options.MicroBatch * options.Context];
        foreach (var batch in share.MicroBatches)
        {
            source.Fill((share.Epoch * source.BatchesPerEpoch) + batch.Samples[0], inputs, targets);
            (model.Loss(Windows(inputs), Windows(targets)) * batch.Share).backward();
        }

        trainer.Step(share.SampleCount * options.MicroBatch);
        sampler.Committed(trainer.Members);
    }

    private Tensor Windows(byte[] bytes) => tensor(bytes, ScalarType.Byte).view(options.MicroBatch, options.Context);
}
