using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Collectives;
using Crossnode.Collectives.Launching;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Models;
using Crossnode.Models.Text;
using Crossnode.TorchSharp;
using Crossnode.Training;
using Crossnode.Training.Sampling;
using Crossnode.Transport;
using Microsoft.Extensions.Logging;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.Cli.Training;

/// <summary>One worker of crossnode train: the training loop. It is what a user's own loop looks like, and what it tells.</summary>
internal sealed class TrainingWorker : IDisposable
{
    private const uint MeasuringTag = 16;

    // Enough for the last frames to leave this machine.
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(1);

    private readonly TrainConfiguration _configuration;
    private readonly string _checkpoint;
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly TcpTransport _transport = new();
    private readonly Session _session;
    private readonly Gpt _model;
    private readonly AdamW _optimizer;
    private readonly ITrainingStrategy _strategy;
    private readonly DistributedTrainer _trainer;
    private readonly WarmupCosineSchedule _schedule;
    private volatile bool _isAskedToStop;

    private TrainingWorker(WorkerPlan plan, LaunchEnvironment launch, ILogger logger)
    {
        _configuration = plan.Configuration;
        _checkpoint = plan.Checkpoint;
        var c = _configuration;
        _model = new Gpt(new GptOptions
        {
            Layers = c.Layers, Heads = c.Heads, Width = c.Width, Context = c.Context, Seed = (ulong)c.Seed,
        });
        _optimizer = DecayGroups.AdamW(_model, c.LearningRate, c.WeightDecay, c.Beta1, c.Beta2);
        _schedule = new WarmupCosineSchedule
        {
            Peak = c.LearningRate, Floor = c.FinalLearningRate, WarmupSteps = c.WarmupSteps, TotalSteps = c.Steps,
        };
        _session = Session.Join(
            new SessionOptions
            {
                Run = launch.Run,
                Coordinator = launch.Coordinator.ToString(),
                Self = launch.Worker,
                Incarnation = new SystemRandomSource().NextUInt64(),
                Host = launch.Coordinator.Address.ToString(),
                JoinTimeout = LaunchOptions.DefaultStartTimeout,
                EvictAfter = TimeSpan.FromSeconds(c.EvictAfterSeconds),
                Logger = logger,
            },
            _transport);
        _strategy = StrategyChoice.Create(c);
        _trainer = _session.Distribute(_model, _optimizer, _strategy);
    }

    /// <summary>Takes part in the run that the environment names, until the last step.</summary>
    /// <param name="input">The plan, then the path of the corpus.</param>
    /// <param name="logger">Where log lines go.</param>
    /// <exception cref="CrossnodeException">The run failed for this worker.</exception>
    public static void Run(TextReader input, ILogger logger)
    {
        var plan = WorkerPlan.Parse(input.ReadLine());
        var launch = LaunchEnvironment.Read();
        using var watch = launch.Launcher is { } launcher ? LauncherWatch.StartExiting(launcher) : null;
        TorchLibrary.Load(plan.Configuration.Threads);
        using var worker = new TrainingWorker(plan, launch, logger);
        worker.Tell(new WorkerNote { Kind = NoteKind.Ready, View = worker._session.View.Id.Epoch });
        var corpus = Corpus.LoadFrom(input.ReadLine()
            ?? throw new InputException("The launcher ended before it named a corpus; start crossnode train again."));
        using var stops = new StopRequests(_ => worker._isAskedToStop = true, () => { });
        try
        {
            worker.Train(corpus);
        }
        catch (OperationException) when (worker._session.EndReason is { } reason)
        {
            // Which operation was under way when this member was put out is of no use to anybody.
            throw new MembershipException(reason);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _trainer.Dispose();
        _session.Dispose();
        _transport.WhenClosed().Wait(LastBytes);
        _optimizer.Dispose();
        _model.Dispose();
    }

    private void Train(Corpus corpus)
    {
        var c = _configuration;
        var source = new BatchSource(corpus.Training, c.Context, c.MicroBatch, (ulong)c.Seed);
        // A sample of the sampler is a micro-batch: the source knows which windows it is made of.
        var sampler = new ShardedSampler(
            new ShardedSamplerOptions
            {
                SampleCount = source.BatchesPerEpoch,
                MicroBatchSize = 1,
                MicroBatchesPerStep = c.MicroBatchesPerStep,
                Seed = (ulong)c.Seed,
            },
            _trainer.Members);
        for (var step = 0; step < c.Steps; step++)
        {
            if (_isAskedToStop)
            {
                LeaveEarly(step);
                return;
            }
            if (c.EvaluateEvery > 0 && step > 0 && step % c.EvaluateEvery == 0)
            {
                // Of each window the second half counts.
                Evaluate(step, corpus.HeldOut, Math.Max(1, c.EvaluateBytes / (c.Context / 2)));
            }
            TakeStep(step, source, sampler);
        }
        Finish(corpus.HeldOut);
    }

    private void TakeStep(int step, BatchSource source, ShardedSampler sampler)
    {
        var c = _configuration;
        var started = _time.GetTimestamp();
        using var scope = NewDisposeScope();
        var rate = _schedule.At(step);
        foreach (var group in _optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }
        _optimizer.zero_grad();
        var share = sampler.Deal(_session.Self);
        var inputs = new byte[c.MicroBatch * c.Context];
        var targets = new byte[c.MicroBatch * c.Context];
        double own = 0;
        foreach (var batch in share.MicroBatches)
        {
            using var batchScope = NewDisposeScope();
            source.Fill((share.Epoch * source.BatchesPerEpoch) + batch.Samples[0], inputs, targets);
            var loss = _model.Loss(Windows(inputs), Windows(targets));
            (loss * batch.Share).backward();
            own += loss.item<float>() * batch.Share;
        }

        if (_strategy.Exchanges(step))
        {
            Tell(new WorkerNote { Kind = NoteKind.Averaging, Step = step });
        }
        var computed = _time.GetTimestamp();
        var outcome = _trainer.Step(share.SampleCount * c.MicroBatch, own);
        // A local step has no members of its own: the next is dealt among those of the last exchange.
        sampler.Committed(_trainer.Members);

        var traffic = _session.Traffic();
        var ended = _time.GetTimestamp();
        Tell(new WorkerNote
        {
            Kind = NoteKind.Step,
            Step = step,
            Loss = _trainer.MeanLoss,
            OwnLoss = share.SampleCount > 0 ? own : null,
            LearningRate = rate,
            GradientNorm = outcome.GradientNorm,
            Bytes = share.SampleCount * c.MicroBatch * c.Context,
            TotalBytes = c.Context
                * (StrategyChoice.IsSynchronous(c, step) ? outcome.TotalSamples : (long)c.MicroBatch * c.MicroBatchesPerStep),
            Seconds = _time.GetElapsedTime(started, ended).TotalSeconds,
            ExchangeSeconds = _time.GetElapsedTime(computed, ended).TotalSeconds,
            View = outcome.Exchanged ? outcome.View.Epoch : _session.View.Id.Epoch,
            Members = [.. outcome.Members.Select(member => member.Value)],
            Attempts = outcome.Attempts,
            PayloadBytesSent = traffic.PayloadBytes,
            WireBytesSent = traffic.WireBytes,
            BytesReceived = traffic.ReceivedBytes,
        });

        Tensor Windows(byte[] bytes) => tensor(bytes, ScalarType.Byte).view(c.MicroBatch, c.Context);
    }

    /// <summary>Measures on held-out text, each member its part; all come to the same number.</summary>
    /// <returns>The members that measured.</returns>
    private IReadOnlyList<MemberId> Evaluate(int steps, ReadOnlyMemory<byte> heldOut, int windows)
    {
        Tell(new WorkerNote { Kind = NoteKind.Evaluating, Step = steps });
        while (true)
        {
            var view = _session.View;
            var (nats, bytes) = HeldOutLoss.Measure(_model, heldOut, windows, view.Rank, view.WorldSize);
            double[] sums = [nats, bytes, view.Id.Epoch];
            var buffer = TensorBuffer.From(sums.AsMemory());
            var outcome = _session.Run(
                new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum), new OperationOptions { Tag = MeasuringTag })
                .ThrowIfFailed();
            // Parts of different views do not make a whole; from the sum of epochs all see it alike.
            if (sums[2] == (double)outcome.View.Epoch * outcome.Members.Count)
            {
                Tell(new WorkerNote { Kind = NoteKind.Evaluated, Step = steps, Loss = sums[0] / sums[1] });
                return outcome.Members;
            }
        }
    }

    /// <summary>Measures on all held-out text; then one member saves the model, and the others wait until it has.</summary>
    private void Finish(ReadOnlyMemory<byte> heldOut)
    {
        _trainer.Finish();
        var members = Evaluate(_configuration.Steps, heldOut, int.MaxValue);
        MemberId writer;
        do
        {
            writer = members[0];
            if (writer == _session.Self)
            {
                Save(_configuration.Steps);
            }
            members = _session.Run(new OperationGroup(), new OperationOptions { Tag = MeasuringTag }).ThrowIfFailed().Members;
        }
        while (!members.Contains(writer));

        var traffic = _session.Traffic();
        Tell(new WorkerNote
        {
            Kind = NoteKind.Final,
            Step = _configuration.Steps,
            View = _session.View.Id.Epoch,
            PayloadBytesSent = traffic.PayloadBytes,
            WireBytesSent = traffic.WireBytes,
            StateHash = _trainer.Hash().ToString(),
        });
    }

    private void LeaveEarly(int step)
    {
        if (step > 0 && _session.View.Members[0] == _session.Self)
        {
            Checkpoint.Save(_checkpoint, _model, step);
            Tell(new WorkerNote { Kind = NoteKind.Saved, Step = step });
        }
        Tell(new WorkerNote { Kind = NoteKind.Stopped, Step = step });
    }

    private void Save(int step)
    {
        Checkpoint.Save(_checkpoint, _model, step);
        var c = _configuration;
        var sample = c.SampleBytes > 0
            ? _model.Generate(System.Text.Encoding.UTF8.GetBytes(c.Prompt), c.SampleBytes, c.Temperature, (ulong)c.Seed)
            : null;
        Tell(new WorkerNote
        {
            Kind = NoteKind.Saved,
            Step = step,
            Sample = sample is null ? null : Convert.ToBase64String([.. System.Text.Encoding.UTF8.GetBytes(c.Prompt), .. sample]),
        });
    }

    private void Tell(WorkerNote note) => _session.Note(WorkerNote.Topic, note.ToJson());
}
