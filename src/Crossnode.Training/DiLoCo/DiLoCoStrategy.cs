using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Training.Buffers;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Training.DiLoCo;

/// <summary>Members train by themselves for H steps, then average how far they came and take one outer step by it.</summary>
/// <remarks>
/// After Douillard et al., arXiv 2311.08105: the local optimiser, such as AdamW, is never averaged nor reset; the outer one is
/// SGD with Nesterov's momentum. An averaging is one operation group of a synchronous step's shape, the mean over members
/// without regard to samples; afterwards parameters are the same to the bit on all members. A member that dies costs the
/// others nothing but its part of one average. The averaging step takes its local step before it sends. A member without
/// samples takes no local step. Cost: twice the parameters in memory; per H steps one all-reduce of the parameters' size and
/// one commit barrier, for which averages in place are copied once more.
/// </remarks>
public sealed class DiLoCoStrategy : ITrainingStrategy
{
    private readonly DiLoCoOptions _options;
    private readonly DataParallelStrategy _synchronous;
    private readonly OuterState _outer;
    private long? _localStepTaken;
    private double _localNorm;
    private long? _finishedBefore;

    /// <summary>Creates a strategy; options null takes the defaults.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public DiLoCoStrategy(DiLoCoOptions? options = null)
    {
        _options = (options ?? new DiLoCoOptions()).Validated();
        _synchronous = new DataParallelStrategy(_options.DataParallel);
        _outer = new OuterState(_synchronous.State);
    }

    /// <inheritdoc />
    public bool UsesParameters => true;

    /// <inheritdoc />
    public uint Tag => _options.DataParallel.Tag;

    /// <inheritdoc />
    public StrategyState State => _outer;

    /// <inheritdoc />
    public void Start(FlatModel model, ICommunicator communicator)
    {
        ArgumentNullException.ThrowIfNull(model);
        _outer.Allocate(model);
        if (_options.SynchronousSteps == 0)
        {
            _outer.Begin(model);
        }
    }

    /// <inheritdoc />
    public bool Exchanges(long step) => _options.Exchanges(step);

    /// <inheritdoc />
    /// <exception cref="NotFiniteException">In a local step: this member's gradient is no number, and the others do not know.
    /// In an averaging: the average is none; thrown by all members.</exception>
    public StepOutcome Exchange(in StepContext context)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(context.Samples, nameof(context.Samples));
        if (context.Step < _options.SynchronousSteps)
        {
            return _synchronous.Exchange(context);
        }

        context.CancellationToken.ThrowIfCancellationRequested();
        if (_localStepTaken != context.Step)
        {
            _localNorm = context.Samples > 0 ? FiniteNorm(context) : 0;
        }

        if (!_options.Exchanges(context.Step))
        {
            return new StepOutcome(context.Step, ViewId.None, [], context.Samples, 1, _localNorm);
        }

        TakeLocalStep(context, _localNorm);
        var outcome = Average(context, context.Model.Extras);
        return new StepOutcome(
            context.Step, outcome.View, outcome.Members, context.Samples, outcome.Attempts, _localNorm, outcome.TotalWeight)
        {
            Incarnations = outcome.Incarnations,
        };
    }

    /// <inheritdoc />
    public void Apply(in StepContext context, StepOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        if (context.Step < _options.SynchronousSteps)
        {
            _synchronous.Apply(context, outcome);
            if (context.Step + 1 == _options.SynchronousSteps)
            {
                _outer.Begin(context.Model);
            }
        }
        else if (outcome.Exchanged)
        {
            TakeOuterStep(context.Model);
        }
        else
        {
            TakeLocalStep(context, outcome.GradientNorm);
        }
    }

    /// <inheritdoc />
    /// <remarks>Averages once more when the last step was none that did.</remarks>
    public void Finish(in StepContext context)
    {
        var next = context.Step;
        if (next <= _options.SynchronousSteps || _options.Exchanges(next - 1) || _finishedBefore == next)
        {
            return;
        }

        Average(context, extras: null);
        TakeOuterStep(context.Model);
        _finishedBefore = next;
    }

    private static double FiniteNorm(in StepContext context)
    {
        var norm = GradientMath.GlobalNorm(context.Model.Gradients);
        return double.IsFinite(norm)
            ? norm
            : throw new NotFiniteException(
                $"step {context.Step}: the gradient of {context.Communicator.Self}, this one, is not finite (tensor "
                + $"'{GradientMath.FirstNotFinite(context.Model.Gradients)?.Name}'). Nothing of it was applied: look at its samples, "
                + "lower the learning rate or clip the gradient.");
    }

    private void TakeLocalStep(in StepContext context, double norm)
    {
        if (context.Samples == 0 || _localStepTaken == context.Step)
        {
            return;
        }

        var factor = _options.DataParallel.ClipFactor(norm);
        foreach (var gradient in context.Model.Gradients)
        {
            GradientMath.Scale(gradient, gradient, factor);
        }

        context.Optimizer.Apply();
        _localStepTaken = context.Step;
    }

    private OperationOutcome Average(in StepContext context, StepExtras? extras)
    {
        var model = context.Model;
        if (context.TakesWeight)
        {
            // Without weight nothing of it is read, and the others wait.
            _outer.PseudoGradient(model, model.Averages);
        }

        var group = BucketPlan.Build(
            model.Averages, model.Averages, extras, _options.DataParallel.BucketBytes, context.TakesWeight ? 1 : 0);
        var operation = _options.DataParallel.Operation;
        var outcome = context.Communicator.Run(group, operation, context.CancellationToken).ThrowIfFailed();
        return double.IsFinite(GradientMath.GlobalNorm(model.Averages))
            ? outcome
            : throw CulpritSearch.Run(
                context, context.TakesWeight ? model.Parameters : [], "averaged pseudo-gradient", outcome, operation);
    }

    private void TakeOuterStep(FlatModel model)
    {
        _outer.Step(model.Averages, _options.OuterLearningRate, _options.OuterMomentum);
        _outer.CopyParametersTo(model);
    }
}
