using Crossnode.Collectives;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Every step averages the gradients of all members, weighted by samples, then each applies the same average.</summary>
/// <remarks>
/// A step is one operation group: all buckets are averaged among the same members, or none is. Gradients stay as they
/// were until the group has committed; when a member dies before, those that are left average their own gradients again.
/// Then the average replaces the gradient, is clipped by its global norm, and the local optimiser runs. Parameters that
/// were the same stay the same to the bit. Cost per step: one all-reduce of the gradients, one commit barrier.
/// </remarks>
public sealed class DataParallelStrategy : ITrainingStrategy
{
    private readonly DataParallelOptions _options;
    private readonly WeightScale _scale;

    /// <summary>Creates a strategy; options null takes the defaults.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public DataParallelStrategy(DataParallelOptions? options = null)
    {
        _options = (options ?? new DataParallelOptions()).Validated();
        _scale = new WeightScale(_options.ExpectedGlobalBatch);
    }

    /// <inheritdoc />
    public bool UsesParameters => false;

    /// <inheritdoc />
    public uint Tag => _options.Tag;

    /// <inheritdoc />
    public StrategyState State => _scale;

    /// <inheritdoc />
    public void Start(FlatModel model, ICommunicator communicator)
    {
    }

    /// <inheritdoc />
    public bool Exchanges(long step) => true;

    /// <inheritdoc />
    /// <exception cref="Core.Errors.NotFiniteException">The average is no number; the text names step, member and tensor.
    /// Thrown by all members.</exception>
    public StepOutcome Exchange(in StepContext context)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(context.Samples, nameof(context.Samples));
        var weight = context.TakesWeight ? _scale.Weight(context.Samples) : 0;
        var group = BucketPlan.Build(
            context.Model.Gradients, context.Model.Averages, context.Model.Extras, _options.BucketBytes, weight);
        var operation = _options.Operation;
        var outcome = context.Communicator.Run(group, operation, context.CancellationToken).ThrowIfFailed();

        var norm = GradientMath.GlobalNorm(context.Model.Averages);
        if (!double.IsFinite(norm))
        {
            var own = weight > 0 ? context.Model.Gradients : [];
            throw CulpritSearch.Run(context, own, "averaged gradient", outcome, operation);
        }

        var samples = _scale.Samples(outcome.TotalWeight);
        return new StepOutcome(
            context.Step, outcome.View, outcome.Members, samples, outcome.Attempts, norm, outcome.TotalWeight)
        {
            Incarnations = outcome.Incarnations,
        };
    }

    /// <inheritdoc />
    public void Apply(in StepContext context, StepOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        Publish(context.Model, outcome.GradientNorm);
        context.Optimizer.Apply();

        // Not the outcome's samples: whoever puts steps aside did not know the scale when it computed them.
        _scale.Follow(_scale.Samples(outcome.TotalWeight));
    }

    /// <inheritdoc />
    public void Finish(in StepContext context)
    {
    }

    private void Publish(FlatModel model, double norm)
    {
        var factor = _options.ClipFactor(norm);
        for (var i = 0; i < model.Gradients.Count; i++)
        {
            GradientMath.Scale(model.Averages[i], model.Gradients[i], factor);
        }
    }
}
