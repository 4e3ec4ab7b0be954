using Crossnode.Training;
using Crossnode.Training.DiLoCo;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.StrategyBench;

/// <summary>What members exchange in a trial.</summary>
internal enum Mode
{
    /// <summary>Gradients, in every step.</summary>
    Synchronous,

    /// <summary>Gradients in the first steps, then by DiLoCo.</summary>
    DiLoCo,

    /// <summary>By DiLoCo from the first step on.</summary>
    DiLoCoFromScratch,

    /// <summary>Gradients in the first steps, then nothing any more.</summary>
    Never,
}

/// <summary>One size for all modes; the model and its learning rate are the defaults of crossnode train.</summary>
internal sealed record TrialOptions
{
    public int Members { get; init; } = 4;

    public int Steps { get; init; } = 1000;

    /// <summary>The steps that average gradients in the modes that have some.</summary>
    public int FirstSteps { get; init; } = 200;

    public int SyncEvery { get; init; } = 20;

    public int MicroBatch { get; init; } = 16;

    public double LearningRate { get; init; } = 6e-3;

    /// <summary>The most that steps take which a member takes alone, as a share of the highest learning rate.</summary>
    public double LocalRateCap { get; init; } = 0.5;

    public double OuterLearningRate { get; init; } = 0.7;

    public double OuterMomentum { get; init; } = 0.8;

    public int Layers { get; init; } = 2;

    public int Heads { get; init; } = 4;

    public int Width { get; init; } = 128;

    public int Context { get; init; } = 64;

    public int EvaluateBytes { get; init; } = 128 * 1024;

    public WarmupCosineSchedule Schedule => new()
    {
        Peak = LearningRate, Floor = LearningRate / 50, WarmupSteps = Math.Min(150, Steps), TotalSteps = Steps,
    };

    public double RateAt(Mode mode, int step) =>
        Math.Min(Schedule.At(step), step < SynchronousStepsOf(mode) ? LearningRate : LocalRateCap * LearningRate);

    public ITrainingStrategy Strategy(Mode mode)
    {
        var dataParallel = new DataParallelOptions { ClipNorm = 1, ExpectedGlobalBatch = (long)MicroBatch * Members };
        return mode == Mode.Synchronous
            ? new DataParallelStrategy(dataParallel)
            : new DiLoCoStrategy(new DiLoCoOptions
            {
                SyncEvery = mode == Mode.Never ? int.MaxValue : SyncEvery,
                OuterLearningRate = OuterLearningRate,
                OuterMomentum = OuterMomentum,
                SynchronousSteps = SynchronousStepsOf(mode),
                DataParallel = dataParallel,
            });
    }

    private int SynchronousStepsOf(Mode mode) => mode switch
    {
        Mode.Synchronous => Steps,
        Mode.DiLoCoFromScratch => 0,
        _ => FirstSteps,
    };
}
