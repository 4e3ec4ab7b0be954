using System.Globalization;
using Crossnode.Cli.Configuration;
using Crossnode.Training;
using Crossnode.Training.DiLoCo;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Cli.Training;

/// <summary>The strategies of crossnode train, by the names that its configuration gives them.</summary>
internal static class StrategyChoice
{
    public const string DataParallel = "data-parallel";
    public const string DiLoCo = "diloco";

    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Names { get; } = [DataParallel, DiLoCo];

    /// <summary>Makes the strategy that a validated configuration names.</summary>
    public static ITrainingStrategy Create(TrainConfiguration c)
    {
        var dataParallel = new DataParallelOptions
        {
            ClipNorm = c.ClipNorm > 0 ? c.ClipNorm : null,
            ExpectedGlobalBatch = (long)c.MicroBatch * c.MicroBatchesPerStep,
        };
        return c.Strategy == DiLoCo
            ? new DiLoCoStrategy(new DiLoCoOptions
            {
                SyncEvery = c.SyncEvery,
                OuterLearningRate = c.OuterLearningRate,
                OuterMomentum = c.OuterMomentum,
                SynchronousSteps = c.SynchronousSteps,
                DataParallel = dataParallel,
            })
            : new DataParallelStrategy(dataParallel);
    }

    /// <summary>Whether members average gradients in a step, and so know the samples of all.</summary>
    public static bool IsSynchronous(TrainConfiguration c, long step) => c.Strategy != DiLoCo || step < c.SynchronousSteps;

    /// <summary>The learning rate of a step for which the schedule has another: that of a step taken alone is capped.</summary>
    public static double RateOf(TrainConfiguration c, long step, double scheduled) =>
        IsSynchronous(c, step) ? scheduled : Math.Min(scheduled, c.LocalRateCap * c.LearningRate);

    /// <summary>What members exchange and when: one line.</summary>
    public static string Describe(TrainConfiguration c)
    {
        if (c.Strategy != DiLoCo)
        {
            return "strategy: gradients are averaged in every step";
        }

        var local = c.Steps - c.SynchronousSteps;
        var (rounds, rest) = Math.DivRem(local, c.SyncEvery);
        var first = c.SynchronousSteps > 0 ? $"gradients are averaged in the first {c.SynchronousSteps} steps, then workers" : "workers";
        var last = rest > 0 ? $"; {local} is no multiple of {c.SyncEvery}, so the last {rest} are averaged at the end" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"strategy: DiLoCo: {first} train alone and average every {c.SyncEvery} of {local} steps, {rounds + (rest > 0 ? 1 : 0)} times{last}");
    }
}
