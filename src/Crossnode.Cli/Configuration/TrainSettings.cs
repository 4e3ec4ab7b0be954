using Crossnode.Cli.Launching;
using Crossnode.Cli.Training;
using Setting = Crossnode.Cli.Configuration.Setting<Crossnode.Cli.Configuration.TrainConfiguration>;

namespace Crossnode.Cli.Configuration;

/// <summary>The settings of crossnode train, in the order in which the help lists them.</summary>
internal static class TrainSettings
{
    private static readonly TrainConfiguration Defaults = new();

    public static IReadOnlyList<Setting> All { get; } =
    [
        Setting.Whole("workers", "worker processes on this machine", 1, LaunchOptions.MostWorkers, c => c.Workers, (c, v) => c with { Workers = v }),
        Setting.List("data", "text to learn: files, folders or patterns with *, ? and **; none takes the .NET SDK's documentation", "FILES", c => c.Data, (c, v) => c with { Data = v }),
        Setting.Text("out", "folder for what is written; runs/DATE-TIME by default", "FOLDER", c => c.Out, (c, v) => c with { Out = v }),
        Setting.Whole("seed", "decides first weights, order of the data and the sample", 0, c => c.Seed, (c, v) => c with { Seed = v }),
        Setting.Whole("steps", "optimiser steps", 1, c => c.Steps, (c, v) => c with { Steps = v }),
        Setting.Whole("microBatch", "windows that go through the model together", 1, c => c.MicroBatch, (c, v) => c with { MicroBatch = v }),
        Setting.Whole("microBatchesPerStep", "micro-batches of a step, over all workers; stays the same when workers die", 1, c => c.MicroBatchesPerStep, (c, v) => c with { MicroBatchesPerStep = v }),
        Setting.Whole("layers", "transformer blocks of the model", 1, c => c.Layers, (c, v) => c with { Layers = v }),
        Setting.Whole("heads", "attention heads of a block", 1, c => c.Heads, (c, v) => c with { Heads = v }),
        Setting.Whole("width", "numbers that stand for one byte; a multiple of the heads", 1, c => c.Width, (c, v) => c with { Width = v }),
        Setting.Whole("context", "bytes of one window", 2, c => c.Context, (c, v) => c with { Context = v }),
        Setting.Real("learningRate", "highest learning rate", 0, double.PositiveInfinity, c => c.LearningRate, (c, v) => c with { LearningRate = v }),
        Setting.Real("finalLearningRate", "learning rate at the end of the cosine", 0, double.PositiveInfinity, c => c.FinalLearningRate, (c, v) => c with { FinalLearningRate = v }),
        Setting.Whole("warmupSteps", "steps in which the learning rate rises; at most all", 0, c => c.WarmupSteps, (c, v) => c with { WarmupSteps = v }),
        Setting.Real("weightDecay", "AdamW's weight decay, of matrices only", 0, 10, c => c.WeightDecay, (c, v) => c with { WeightDecay = v }),
        Setting.Real("beta1", "AdamW's decay of the mean gradient", 0, 0.9999999, c => c.Beta1, (c, v) => c with { Beta1 = v }),
        Setting.Real("beta2", "AdamW's decay of the squared gradient", 0, 0.9999999, c => c.Beta2, (c, v) => c with { Beta2 = v }),
        Setting.Real("clipNorm", "longest gradient that is applied; 0 does not clip", 0, double.PositiveInfinity, c => c.ClipNorm, (c, v) => c with { ClipNorm = v }),
        Setting.Choice("strategy", "what workers exchange: data-parallel, gradients in every step; diloco, how far each came alone in several", StrategyChoice.Names, c => c.Strategy, (c, v) => c with { Strategy = v }),
        Setting.Whole("syncEvery", "steps that workers train alone between two averagings, with diloco", 1, c => c.SyncEvery, (c, v) => c with { SyncEvery = v }),
        Setting.Whole("synchronousSteps", "steps that average gradients before the first of these, with diloco; a fifth of all or more when weights are random", 0, c => c.SynchronousSteps, (c, v) => c with { SynchronousSteps = v }),
        Setting.Real("localRateCap", "the most that steps take which workers train alone, as a share of the highest learning rate, with diloco; above 0", 0, 1, c => c.LocalRateCap, (c, v) => c with { LocalRateCap = v }),
        Setting.Real("outerLearningRate", "how far an averaging moves along the mean way, with diloco; above 0", 0, double.PositiveInfinity, c => c.OuterLearningRate, (c, v) => c with { OuterLearningRate = v }),
        Setting.Real("outerMomentum", "how much of the last such move is kept, with diloco", 0, 0.9999999, c => c.OuterMomentum, (c, v) => c with { OuterMomentum = v }),
        Setting.Whole("evaluateEvery", "steps between measurements on held-out text; 0 measures at the end only", 0, c => c.EvaluateEvery, (c, v) => c with { EvaluateEvery = v }),
        Setting.Whole("evaluateBytes", "held-out bytes of such a measurement; the one at the end takes all", 1, c => c.EvaluateBytes, (c, v) => c with { EvaluateBytes = v }),
        Setting.Whole("sampleBytes", "bytes of text that the trained model writes; 0 writes none", 0, 32_768, c => c.SampleBytes, (c, v) => c with { SampleBytes = v }),
        Setting.Text("prompt", "how that text begins", "TEXT", c => c.Prompt, (c, v) => c with { Prompt = v }),
        Setting.Real("temperature", "how daring that text is: 0 always takes the likeliest byte", 0, 10, c => c.Temperature, (c, v) => c with { Temperature = v }),
        Setting.Whole("threads", "threads of a worker's arithmetic", 1, c => c.Threads, (c, v) => c with { Threads = v }),
        Setting.Real("evictAfterSeconds", "silence after which a worker is put out of the run; signs of life come every second", 4, 86_400, c => c.EvictAfterSeconds, (c, v) => c with { EvictAfterSeconds = v }),
        Setting.Whole("checkpointEvery", "steps between two savings of all that is needed to go on; 0 saves when the run is stopped", 0, c => c.CheckpointEvery, (c, v) => c with { CheckpointEvery = v }),
        Setting.Text("resume", "folder of a run to go on from, with its configuration but for what is given here", "FOLDER", c => c.Resume, (c, v) => c with { Resume = v }),
        Setting.Whole("restarts", "how often each worker that dies is started anew, as a newcomer", 0, 1000, c => c.Restarts, (c, v) => c with { Restarts = v }),
        Setting.Real("stateRate", "most MB of state and data a second that a worker serves to newcomers; 0 does not limit it", 0, 1e9, c => c.StateRate, (c, v) => c with { StateRate = v }),
        Setting.Text("coordinator", NetworkTexts.Coordinator, "HOST:PORT", c => c.Coordinator, (c, v) => c with { Coordinator = v }),
        Setting.Text("run", NetworkTexts.Run, "ID", c => c.Run, (c, v) => c with { Run = v }),
        Setting.Text("listen", NetworkTexts.Listen, "ADDRESS:PORTS", c => c.Listen, (c, v) => c with { Listen = v }),
        Setting.Text("advertise", NetworkTexts.Advertise, "ADDRESS", c => c.Advertise, (c, v) => c with { Advertise = v }),
        Setting.Text("interface", NetworkTexts.Interface, "NAME", c => c.Interface, (c, v) => c with { Interface = v }),
        Setting.Switch("insecure", NetworkTexts.Insecure, c => c.Insecure, (c, v) => c with { Insecure = v }),
    ];

    /// <summary>Keys of what each machine decides for itself; all others are the run's, and the same on all of them.</summary>
    public static IReadOnlySet<string> OfOneMachine { get; } = new HashSet<string>
    {
        "workers", "data", "out", "threads", "resume", "restarts", "stateRate", "coordinator", "run", "listen", "advertise", "interface", "insecure",
    };

    /// <summary>The settings that all machines of a run share.</summary>
    public static IReadOnlyList<Setting> OfTheRun { get; } = [.. All.Where(setting => !OfOneMachine.Contains(setting.Key))];

    /// <summary>Keys of what has an effect with DiLoCo only.</summary>
    public static IReadOnlySet<string> OfDiLoCo { get; } = new HashSet<string>
    {
        "syncEvery", "synchronousSteps", "localRateCap", "outerLearningRate", "outerMomentum",
    };

    /// <summary>Keys of what makes the model and the strategy: a run that goes on keeps them.</summary>
    public static IReadOnlySet<string> OfTheModel { get; } = new HashSet<string> { "layers", "heads", "width", "context", "strategy" };

    /// <summary>Checks what no setting can check alone.</summary>
    /// <exception cref="UsageException">Two settings contradict one another.</exception>
    public static TrainConfiguration Validated(this TrainConfiguration configuration)
    {
        // A short trial run, or a low learning rate, should not need a second flag.
        var c = configuration with
        {
            WarmupSteps = Math.Min(configuration.WarmupSteps, configuration.Steps),
            FinalLearningRate = configuration.FinalLearningRate == Defaults.FinalLearningRate
                ? Math.Min(configuration.FinalLearningRate, configuration.LearningRate)
                : configuration.FinalLearningRate,
        };
        Require(c.Width % c.Heads == 0, $"--width {c.Width} is not a multiple of the {c.Heads} heads: change one of them.");
        Require(c.FinalLearningRate <= c.LearningRate, FormattableString.Invariant($"--final-learning-rate {c.FinalLearningRate} is above --learning-rate {c.LearningRate}: lower the first or raise the second."));
        Require(c.LocalRateCap > 0, "--local-rate-cap must be above 0: with 0 workers learn nothing alone.");
        Require(c.OuterLearningRate > 0, "--outer-learning-rate must be above 0: with 0 nothing that workers learn alone is kept.");
        if (c.Strategy == StrategyChoice.DiLoCo)
        {
            Require(c.SynchronousSteps < c.Steps, $"--synchronous-steps {c.SynchronousSteps} leaves none of the {c.Steps} steps to DiLoCo: give fewer; a fifth, {c.Steps / 5}, is usual.");
            Require(c.MicroBatchesPerStep >= c.Workers, $"--micro-batches-per-step {c.MicroBatchesPerStep} gives some of the {c.Workers} workers nothing to learn, and DiLoCo averages all: make it at least {c.Workers}.");
        }
        c.Network();
        return c;
    }

    /// <summary>Refuses flags that would have no effect.</summary>
    /// <remarks>Keys of a file may: the configuration that a run prints has all of them, and makes the same run again.</remarks>
    /// <param name="c">The configuration.</param>
    /// <param name="given">Keys of the flags that were given.</param>
    /// <exception cref="UsageException">One is of another strategy.</exception>
    public static void RequireEffect(this TrainConfiguration c, IEnumerable<string> given)
    {
        if (c.Strategy != StrategyChoice.DiLoCo && given.FirstOrDefault(OfDiLoCo.Contains) is { } key)
        {
            throw new UsageException(
                $"{All.Single(s => s.Key == key).Flag} has no effect with --strategy {c.Strategy}: add --strategy {StrategyChoice.DiLoCo}, or leave it out.");
        }
    }

    /// <summary>Where to listen, and the run to take part in: null for one with a coordinator of its own.</summary>
    /// <exception cref="UsageException">A flag of the network cannot be understood, or two contradict one another.</exception>
    public static (NetworkPlace Network, RemoteRun? Remote) Network(this TrainConfiguration c) =>
        NetworkFlags.Read(c.Coordinator, c.Run, c.Listen, c.Interface, c.Advertise, c.Insecure);

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new UsageException(otherwise);
        }
    }
}
