using Crossnode.Collectives;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.TorchSharp.Joining;
using Crossnode.TorchSharp.State;
using Crossnode.Training;
using Crossnode.Training.Joining;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp;

/// <summary>Members that come later: where they enter the loop, and how they get level.</summary>
public sealed partial class DistributedTrainer
{
    private Newcomer? _newcomer;
    private bool _startsAfter;
    private IReadOnlyDictionary<string, byte[]> _received = new Dictionary<string, byte[]>();

    /// <summary>Whether this member holds the run's state; until then it takes part without weight, and the sampler deals it nothing.</summary>
    /// <value>True for all that were there at the start. A newcomer's parameters are of no use before it is level.</value>
    public bool IsLevel => _membership.IsLevel;

    /// <summary>How long this member was held up so far by copying its state for newcomers.</summary>
    public TimeSpan CopyTime => _membership.CopyTime;

    /// <summary>What this member has served to newcomers, and holds for them; null where nobody can come later.</summary>
    public StateServerCounters? StateCounters => _membership.Server?.Counters;

    /// <summary>Makes a small state of the loop, such as the sampler, part of what newcomers receive.</summary>
    /// <remarks>Call it on all members before the first step. On a newcomer the state is loaded before this returns.</remarks>
    /// <returns>The same object.</returns>
    public T Carry<T>(T state)
        where T : ICarriedState
    {
        ArgumentNullException.ThrowIfNull(state);
        if (_received.TryGetValue(state.Name, out var saved))
        {
            state.Load(saved);
        }

        _membership.Carry(state);
        return state;
    }

    /// <summary>Runs an operation at this place of the training loop: an evaluation, a barrier.</summary>
    /// <remarks>
    /// It shares the steps' tag, so that newcomers know which operations lie between two steps and take part in them. A member
    /// that is not level should add nothing: contribute zeros to sums, or weight 0. Call it on the thread of the loop, after the
    /// step to which it belongs: a newcomer's own loop begins with a step.
    /// </remarks>
    public OperationOutcome Run(OperationGroup group, CancellationToken cancellationToken = default)
    {
        Enter(0);
        try
        {
            return _membership.Run(group, _step, OperationPurpose.Other, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Begin(CancellationToken cancellationToken)
    {
        var level = InitialState.Broadcast(
            _communicator,
            _tensors,
            _groups,
            (group, purpose) => _membership.Run(group, 0, purpose, cancellationToken));
        _buffers?.Remember();
        _membership.Begin(level, version: 1);
        Members = [.. level.Select(participant => participant.Member)];
        _strategy.Start(_model, _communicator);
    }

    // False when the run has not begun to train, so that this member begins with the others.
    private bool EnterAsNewcomer(CancellationToken cancellationToken)
    {
        if (_communicator is not IStateExchange { IsNewcomer: true } exchange)
        {
            return false;
        }

        // All that takes long is built and in memory: from now on the others wait for this member.
        _strategy.Start(_model, _communicator);
        _newcomer = new Newcomer(exchange, _membership, _state, _strategy, _model, _options);
        _newcomer.Prepare();
        using var guide = new LoopGuide(exchange, _membership.Model, _options);
        if (!_options.IsRehearsal)
        {
            JoinRehearsal.Wait(cancellationToken);
        }

        guide.Greet(cancellationToken);
        Prepare(0, 0, _optimizer, cancellationToken);
        exchange.Enter(cancellationToken);
        while (true)
        {
            var described = guide.Ask(_strategy.Tag, FetchBetween, cancellationToken);
            if (described.Purpose == OperationPurpose.Start)
            {
                EndFetching();
                return false;
            }

            _membership.Begin(
                described.Level.Select(p => new Participant(new MemberId(p.Member), p.Incarnation)), described.Version);
            if (described.Purpose == OperationPurpose.Step)
            {
                _step = described.Step;
                _startsAfter = !_newcomer.IsFetching;
                var outcome = ExchangeAndApply(Prepare(0, 0, _optimizer, cancellationToken), [.. described.LearningRates]);
                Complete(outcome, _optimizer, cancellationToken);
                EnterLoop(guide, cancellationToken);
                return true;
            }

            guide.Watch(described, _strategy.Tag, cancellationToken);
        }
    }

    // The loop begins with the others' next step; what they run before it belongs to the step that has just ended. Members that
    // train by themselves are steps ahead by then.
    private void EnterLoop(LoopGuide guide, CancellationToken cancellationToken)
    {
        // What it may fetch is under way by now.
        var next = guide.Ask(_strategy.Tag, standsStill: _ => { }, cancellationToken);
        while (next.Purpose != OperationPurpose.Step)
        {
            guide.Watch(next, _strategy.Tag, cancellationToken);
            next = guide.Ask(_strategy.Tag, standsStill: _ => { }, cancellationToken);
        }

        _step = next.Step;
        _received = next.Carried;
    }

    // Just before an averaging it would come too late, and the others would have to copy what they are about to change.
    private void FetchBetween(OperationDescription described)
    {
        if (!_strategy.Exchanges(described.Step + 1) && !_strategy.Exchanges(described.Step + 2))
        {
            _newcomer!.Fetch(described.Version);
        }
    }

    private void EndFetching()
    {
        _newcomer?.Dispose();
        _newcomer = null;
    }

    private double[] LearningRates() => [.. _torchOptimizer.ParamGroups.Select(group => group.LearningRate)];

    private void SetLearningRates(double[] rates)
    {
        var index = 0;
        foreach (var group in _torchOptimizer.ParamGroups)
        {
            group.LearningRate = rates[index++];
        }
    }

    private StepOutcome ExchangeAndApply(in StepContext context, double[] learningRates)
    {
        if (_strategy.Exchanges(context.Step))
        {
            _membership.Describe(OperationPurpose.Step, context.Step, learningRates: learningRates);
            _membership.OfferToStrangers();
        }
        else if (_membership.OfferToStrangers())
        {
            _membership.Describe(OperationPurpose.Between, context.Step);
        }

        _membership.BeginCopy(context.Step);
        var outcome = _strategy.Exchange(context);
        if (!outcome.Exchanged)
        {
            if (context.TakesWeight)
            {
                _strategy.Apply(context, outcome);
            }

            return outcome;
        }

        var level = _membership.BeforeApply(outcome);
        if (context.TakesWeight)
        {
            _strategy.Apply(context, outcome);
        }
        else
        {
            _newcomer ??= new Newcomer((IStateExchange)_communicator, _membership, _state, _strategy, _model, _options);
            if (!_startsAfter)
            {
                // What a drifted member, or one over its budget, lost is kept by the others since just now.
                _newcomer.BeginWith(_membership.Version);
                _newcomer.PutAside(outcome, learningRates);
            }
        }

        return outcome with { Members = level };
    }

    private StepOutcome Complete(StepOutcome outcome, ILocalOptimizer optimizer, CancellationToken cancellationToken)
    {
        UploadParameters();
        var step = _step++;
        _heldSamples = 0;
        _heldLoss = 0;
        MeanLoss = _extras.Target.AsSpan<float>()[LossSlot];
        if (!outcome.Exchanged)
        {
            _membership.BeginCopy(_step);
            return outcome;
        }

        StopIsAgreed |= _extras.Target.AsSpan<float>()[StopSlot] > 0;
        if (_buffers is not null && _extras.Target.AsSpan<float>()[BuffersSlot] > 0)
        {
            _buffers.Run(
                group => _membership.Run(group, _step, OperationPurpose.Other, CancellationToken.None),
                _communicator,
                outcome.Members,
                _newcomer?.IsLoaded ?? true);
        }

        _membership.Moved();
        if (_startsAfter)
        {
            _startsAfter = false;
            _newcomer!.BeginWith(_membership.Version);
        }

        var claim = _newcomer?.CatchUp(optimizer, SetLearningRates, LearningRates()) ?? CatchUpClaim.Behind;
        outcome = outcome with { Members = _membership.CatchUp(step, claim, outcome.Members, cancellationToken) };
        if (claim == CatchUpClaim.CaughtUp && _membership.WasRefused)
        {
            _newcomer!.Refused();
        }

        if (_options.CheckEvery > 0 && _membership.Version % _options.CheckEvery == 0)
        {
            outcome = outcome with { Members = _membership.CheckDrift(step, outcome.Members, cancellationToken) };
        }

        if (IsLevel)
        {
            EndFetching();
        }

        _membership.BeginCopy(_step);
        Members = outcome.Members;
        return outcome;
    }
}
