using System.Text.Json;
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
    // From a request to stop to the next exchange, which carries it to the others; then each leaves by itself.
    private static readonly TimeSpan LongestWay = TimeSpan.FromSeconds(15);

    // Enough for the last frames to leave this machine.
    private static readonly TimeSpan LastBytes = TimeSpan.FromSeconds(1);

    private readonly TrainConfiguration _configuration;
    private readonly WorkerPlan _plan;
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly TcpTransport _transport;
    private readonly WorkerLink _link;
    private readonly Gpt _model;
    private readonly AdamW _optimizer;
    private readonly ITrainingStrategy _strategy;
    private readonly DistributedTrainer _trainer;
    private readonly WarmupCosineSchedule _schedule;
    private readonly CancellationToken _stop;
    private bool _wasLevel;
    private bool _isResumed;
    private readonly Corpus? _corpus;

    private TrainingWorker(WorkerPlan plan, LaunchEnvironment launch, Corpus? corpus, ILogger logger, CancellationToken stop)
    {
        _configuration = plan.Configuration;
        _plan = plan;
        _stop = stop;
        var c = _configuration;
        _transport = new TcpTransport(new TcpOptions { AllowNonLoopback = launch.Insecure });
        _link = new WorkerLink(plan.Place.TellsLauncher, _time);
        _link.Take(Session.Join(
            launch.ToSession(new SystemRandomSource()) with
            {
                JoinTimeout = LaunchOptions.DefaultStartTimeout,
                EvictAfter = TimeSpan.FromSeconds(c.EvictAfterSeconds),
                // Whoever comes later builds its model before the others wait for it.
                EntersLater = true,
                Expected = plan.Place.Expected,
                Charter = plan.Place.Expected > 0 ? File.ReadAllBytes(plan.Place.Charter) : default(ReadOnlyMemory<byte>),
                Notice = text => _link.Tell(new WorkerNote { Kind = NoteKind.Notice, Text = text }),
                Logger = logger,
            },
            _transport,
            stop));
        // Nobody waits for a worker that has not entered.
        _corpus = corpus ?? (plan.Place.FetchedCorpus.Length > 0 ? RunData.Fetch(Session, plan.Place, _link.Tell, _time, stop) : null);
        _model = new Gpt(new GptOptions
        {
            Layers = c.Layers, Heads = c.Heads, Width = c.Width, Context = c.Context, Seed = (ulong)c.Seed,
        });
        _optimizer = DecayGroups.AdamW(_model, c.LearningRate, c.WeightDecay, c.Beta1, c.Beta2);
        _schedule = new WarmupCosineSchedule
        {
            Peak = c.LearningRate, Floor = c.FinalLearningRate, WarmupSteps = c.WarmupSteps, TotalSteps = c.Steps,
        };
        _strategy = StrategyChoice.Create(c);
        _trainer = Session.Distribute(
            _model,
            _optimizer,
            _strategy,
            new DistributionOptions
            {
                StateBytesPerSecond = c.StateRate > 0 ? (long)(c.StateRate * 1e6) : null,
                JoinProgress = new FetchReport(NoteKind.Fetching, _link.Tell, _time).Fetched,
            },
            stop);
        _wasLevel = !Session.IsNewcomer;
        if (_trainer.NextStep == 0 && plan.Place.FirstStep > 0)
        {
            Resume();
        }
    }

    private Session Session => _link.Session;

    /// <summary>Takes part in the run that the environment names, until the last step; when it is put out, it comes back.</summary>
    /// <param name="input">The plan, then the path of the corpus.</param>
    /// <param name="logger">Where log lines go.</param>
    /// <exception cref="CrossnodeException">The run failed for this worker.</exception>
    public static void Run(TextReader input, ILogger logger)
    {
        var plan = WorkerPlan.Parse(input.ReadLine());
        var launch = LaunchEnvironment.Read();
        using var watch = launch.Launcher is { } launcher ? LauncherWatch.StartExiting(launcher) : null;
        TorchLibrary.Load(plan.Configuration.Threads);
        using var stop = new CancellationTokenSource();
        using var stops = new StopRequests(_ => stop.Cancel(), () => { }, TimeProvider.System);
        Corpus? corpus = null;
        for (var left = plan.Place.Returns; ; left--)
        {
            using var worker = new TrainingWorker(plan, launch, corpus, logger, stop.Token);
            worker._link.Tell(new WorkerNote { Kind = NoteKind.Ready, View = worker.Session.View.Id.Epoch });
            corpus ??= worker._corpus ?? Corpus.LoadFrom(input.ReadLine()
                ?? throw new InputException("The launcher ended before it named a corpus; start crossnode train again."));
            RunData.Publish(worker.Session, corpus);
            try
            {
                worker.Train(corpus);
                return;
            }
            catch (OperationException) when (worker.Session.EndReason is { } reason)
            {
                if (!worker.Session.WasEvicted || left == 0 || stop.IsCancellationRequested)
                {
                    // Which operation was under way when this member was put out is of no use to anybody.
                    throw new MembershipException(reason);
                }
                Console.Error.WriteLine($"crossnode: {worker.Session.Self} was {reason}; it comes back as a newcomer.");
                launch = launch with { Worker = worker.Session.Self, Workers = Math.Max(launch.Workers, (int)worker.Session.Self.Value + 1) };
                plan = plan with { Place = plan.Place with { Expected = 0 } };
            }
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _trainer.Dispose();
        _link.Dispose();
        _transport.WhenClosed().Wait(LastBytes);
        _optimizer.Dispose();
        _model.Dispose();
    }

    private void Train(Corpus corpus)
    {
        var c = _configuration;
        var source = new BatchSource(corpus.Training, c.Context, c.MicroBatch, (ulong)c.Seed);
        // A sample of the sampler is a micro-batch: the source knows which windows it is made of.
        var sampler = _trainer.Carry(new ShardedSampler(
            new ShardedSamplerOptions
            {
                SampleCount = source.BatchesPerEpoch,
                MicroBatchSize = 1,
                MicroBatchesPerStep = c.MicroBatchesPerStep,
                Seed = (ulong)c.Seed,
            },
            _trainer.Members));
        if (_isResumed)
        {
            // What was loaded may be of other members.
            sampler.DealAmong(_trainer.Members);
        }
        var first = (int)_trainer.NextStep;
        long? askedAt = null;
        for (var step = first; step < c.Steps; step++)
        {
            if (_trainer.StopIsAgreed)
            {
                StopTogether(step);
                return;
            }
            if (_stop.IsCancellationRequested)
            {
                _trainer.AsksToStop = !_plan.Place.LeavesAlone;
                askedAt ??= _time.GetTimestamp();
                if (_plan.Place.LeavesAlone || _time.GetElapsedTime(askedAt.Value) > LongestWay)
                {
                    LeaveEarly(step);
                    return;
                }
            }
            if (c.CheckpointEvery > 0 && step > first && step % c.CheckpointEvery == 0)
            {
                SaveState(step);
            }
            // What others ran before a newcomer's first step it has watched already.
            if (c.EvaluateEvery > 0 && step > 0 && step % c.EvaluateEvery == 0 && (step > first || _isResumed))
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
        var rate = StrategyChoice.RateOf(c, step, _schedule.At(step));
        foreach (var group in _optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }
        _optimizer.zero_grad();
        var share = sampler.Deal(Session.Self);
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
            _link.Tell(new WorkerNote { Kind = NoteKind.Averaging, Step = step });
        }
        var computed = _time.GetTimestamp();
        var outcome = _trainer.Step(share.SampleCount * c.MicroBatch, own);
        // A local step has no members of its own: the next is dealt among those of the last exchange.
        sampler.Committed(_trainer.Members);

        var traffic = Session.Traffic();
        var ended = _time.GetTimestamp();
        _link.Tell(new WorkerNote
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
            View = outcome.Exchanged ? outcome.View.Epoch : Session.View.Id.Epoch,
            Members = [.. outcome.Members.Select(member => member.Value)],
            Attempts = outcome.Attempts,
            PayloadBytesSent = traffic.PayloadBytes,
            WireBytesSent = traffic.WireBytes,
            BytesReceived = traffic.ReceivedBytes,
        });
        if (_trainer.IsLevel && !_wasLevel)
        {
            _link.Tell(new WorkerNote { Kind = NoteKind.Level, Step = step, StateHash = _trainer.Hash().ToString() });
        }
        _wasLevel = _trainer.IsLevel;

        Tensor Windows(byte[] bytes) => tensor(bytes, ScalarType.Byte).view(c.MicroBatch, c.Context);
    }

    /// <summary>Measures on held-out text, each level member its part; all come to the same number.</summary>
    /// <returns>The members that measured.</returns>
    private IReadOnlyList<MemberId> Evaluate(int steps, ReadOnlyMemory<byte> heldOut, int windows)
    {
        _link.Tell(new WorkerNote { Kind = NoteKind.Evaluating, Step = steps });
        var level = _trainer.Members;
        while (true)
        {
            var rank = Rank(level);
            var (nats, bytes) = rank < 0 ? (0, 0) : HeldOutLoss.Measure(_model, heldOut, windows, rank, level.Count);
            var (sums, present) = Share(level, nats, bytes);
            if (present.Count == level.Count)
            {
                _link.Tell(new WorkerNote { Kind = NoteKind.Evaluated, Step = steps, Loss = sums[0] / sums[1] });
                return level;
            }
            // Parts of those that are left do not make a whole.
            level = present;
        }
    }

    /// <summary>Sums numbers of level members, and says who of them took part; the same on all.</summary>
    private (double[] Sums, IReadOnlyList<MemberId> Present) Share(IReadOnlyList<MemberId> level, params double[] numbers)
    {
        var rank = Rank(level);
        double[] sums = [.. numbers, .. Enumerable.Range(0, level.Count).Select(i => i == rank ? 1.0 : 0.0)];
        var buffer = TensorBuffer.From(sums.AsMemory());
        _trainer.Run(new OperationGroup { Weight = rank < 0 ? 0 : 1 }.AllReduce(buffer, buffer, ReduceOperator.Sum)).ThrowIfFailed();
        return (sums, [.. level.Where((_, i) => sums[numbers.Length + i] > 0)]);
    }

    // A newcomer that is not level measures nothing, and takes part in the sums.
    private int Rank(IReadOnlyList<MemberId> level) => _trainer.IsLevel ? level.ToList().IndexOf(Session.Self) : -1;

    /// <summary>Measures on all held-out text; then one member saves the model, and the others wait until it has.</summary>
    private void Finish(ReadOnlyMemory<byte> heldOut)
    {
        _trainer.Finish();
        var level = Evaluate(_configuration.Steps, heldOut, int.MaxValue);
        MemberId writer;
        do
        {
            writer = level[0];
            if (_trainer.IsLevel && writer == Session.Self)
            {
                Save(_configuration.Steps);
            }
            level = Share(level).Present;
        }
        while (!level.Contains(writer));
        if (_trainer.IsLevel && !File.Exists(_plan.Checkpoint))
        {
            // That member wrote on another machine.
            SaveHere();
        }

        var traffic = Session.Traffic();
        _link.Tell(new WorkerNote
        {
            Kind = NoteKind.Final,
            Step = _configuration.Steps,
            View = Session.View.Id.Epoch,
            PayloadBytesSent = traffic.PayloadBytes,
            WireBytesSent = traffic.WireBytes,
            StateHash = _trainer.IsLevel ? _trainer.Hash().ToString() : null,
        });
    }

    // One of several workers on this machine, whoever is first.
    private void SaveHere()
    {
        try
        {
            using var claim = new FileStream(
                _plan.Checkpoint + ".claim", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            if (!File.Exists(_plan.Checkpoint))
            {
                Save(_configuration.Steps);
            }
        }
        catch (IOException) when (File.Exists(_plan.Checkpoint) || File.Exists(_plan.Checkpoint + ".claim"))
        {
            // Another worker does it.
        }
    }

    /// <summary>Goes on from this worker's file.</summary>
    /// <exception cref="CrossnodeException">It has none, or that is damaged or of another model; the text says which.</exception>
    private void Resume()
    {
        var files = _plan.Place.Resume;
        if (files.Count == 0)
        {
            throw new MembershipException(
                "the run goes on from a checkpoint that is not on this machine: join once it has taken a step");
        }
        _trainer.Load(files[(int)Session.Self.Value % files.Count]);
        _isResumed = true;
    }

    /// <summary>Writes all that this worker needs to go on from a step; where that is impossible, says so, and trains on.</summary>
    private void SaveState(long step)
    {
        if (!_trainer.IsLevel)
        {
            return;
        }
        var state = new StateFolder(_plan.Place.State);
        try
        {
            var texts = StateFolder.Texts(
                File.ReadAllText(_plan.Place.Charter),
                JsonSerializer.Serialize(_configuration.Data),
                _trainer.Members.Select(member => member.Value));
            _trainer.Save(state.PathFor(step, Session.Self.Value), texts);
            state.Prune(Session.Self.Value);
        }
        catch (Exception failure) when (failure is InputException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"crossnode: {Session.Self} could not save step {step}, so the run cannot go on from there: {failure.Message}");
        }
    }

    /// <summary>All level members leave after the same step, and the run can go on from there.</summary>
    private void StopTogether(int step)
    {
        SaveState(step);
        if (_trainer.IsLevel && _trainer.Members[0] == Session.Self)
        {
            Checkpoint.Save(_plan.Checkpoint, _model, step);
            _link.Tell(new WorkerNote { Kind = NoteKind.Saved, Step = step });
        }
        var traffic = Session.Traffic();
        _link.Tell(new WorkerNote
        {
            Kind = NoteKind.Stopped,
            Step = step,
            PayloadBytesSent = traffic.PayloadBytes,
            WireBytesSent = traffic.WireBytes,
            StateHash = _trainer.IsLevel ? _trainer.Hash().ToString() : null,
        });
    }

    private void LeaveEarly(int step)
    {
        if (step > 0 && _trainer.IsLevel && _trainer.Members[0] == Session.Self)
        {
            Checkpoint.Save(_plan.Checkpoint, _model, step);
            _link.Tell(new WorkerNote { Kind = NoteKind.Saved, Step = step });
        }
        _link.Tell(new WorkerNote { Kind = NoteKind.Stopped, Step = step });
    }

    private void Save(int step)
    {
        Checkpoint.Save(_plan.Checkpoint, _model, step);
        var c = _configuration;
        var sample = c.SampleBytes > 0
            ? _model.Generate(System.Text.Encoding.UTF8.GetBytes(c.Prompt), c.SampleBytes, c.Temperature, (ulong)c.Seed)
            : null;
        _link.Tell(new WorkerNote
        {
            Kind = NoteKind.Saved,
            Step = step,
            Sample = sample is null ? null : Convert.ToBase64String([.. System.Text.Encoding.UTF8.GetBytes(c.Prompt), .. sample]),
        });
    }
}
