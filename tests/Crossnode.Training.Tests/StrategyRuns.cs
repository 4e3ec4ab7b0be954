namespace Crossnode.Training.Tests;

internal static class StrategyRuns
{
    /// <summary>A step as a trainer takes it.</summary>
    public static StepOutcome Run(this ITrainingStrategy strategy, in StepContext context)
    {
        var outcome = strategy.Exchange(context);
        strategy.Apply(context, outcome);
        return outcome;
    }
}
