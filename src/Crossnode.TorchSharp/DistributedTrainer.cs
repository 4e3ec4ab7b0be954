using Crossnode.Collectives;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.TorchSharp.Joining;
using Crossnode.TorchSharp.Layout;
using Crossnode.TorchSharp.State;
using Crossnode.Training;
using Crossnode.Training.Buffers;
using Crossnode.Training.Joining;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp;

/// <summary>A module whose steps are taken together with the other members of the run.</summary>
/// <remarks>
/// Use it from one thread at a time. Gradients accumulate as ever: clear them with the optimiser's or the module's
/// zero_grad(), as you would without it. The learning rate is yours to set on the optimiser. Parameters and gradients stay
/// valid after <see cref="Dispose"/>.
/// </remarks>
public sealed partial class DistributedTrainer : IDisposable
{
    private const int LossSlot = 0;
    private const int BuffersSlot = 1;
    private const int StopSlot = 2;

    private readonly ICommunicator _communicator;
    private readonly ITrainingStrategy _strategy;
    private readonly ModuleTensors _tensors;
    private readonly FlatGroup[] _groups;
    private readonly FlatModel _model;
    private readonly StepExtras _extras;
    private readonly BufferSynchronizer? _buffers;
    private readonly TorchOptimizer _optimizer;
    private readonly optim.Optimizer _torchOptimizer;
    private readonly DistributionOptions _options;
    private readonly SharedState _state;
    private readonly Membership _membership;
    private long _step;
    private long _heldSamples;
    private double _heldLoss;
    private int _noSyncDepth;
    private int _busy;
    private bool _disposed;

    internal DistributedTrainer(
        ICommunicator communicator,
        nn.Module module,
        optim.Optimizer optimizer,
        ITrainingStrategy strategy,
        DistributionOptions options,
        CancellationToken cancellationToken)
    {
        _communicator = communicator;
        _strategy = strategy;
        _tensors = new ModuleTensors(module, optimizer);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var stage = options.ForceStaging || _tensors.Trainable[0].Parameter.device.type != DeviceType.CPU;
        _groups =
        [
            .. _tensors.Trainable
                .GroupBy(p => TensorMemory.ElementTypeOf(p.Parameter.dtype)!.Value)
                .OrderBy(g => g.Key)
                .Select(g => new FlatGroup(g.Key, [.. g], stage)),
        ];
        var extras = FlatBuffer.Layout([("loss and flags", TorchOptimizer.FirstFlag + _groups.Sum(g => (long)g.Count))]);
        _extras = new StepExtras(
            FlatBuffer.Allocate(ElementType.Float32, extras), FlatBuffer.Allocate(ElementType.Float32, extras));
        _model = new FlatModel(
            [.. _groups.Select(g => g.Parameters)],
            [.. _groups.Select(g => g.Gradients)],
            [.. _groups.Select(g => g.Averages)],
            _extras);
        _torchOptimizer = optimizer;
        _options = options;
        _optimizer = new TorchOptimizer(optimizer, _groups, _extras.Target, strategy.UsesParameters);
        if (options.SynchronizeBuffers && _tensors.Buffers.Any())
        {
            _buffers = new BufferSynchronizer(_tensors);
            _buffers.Remember();
        }

        var optimizerTensors = new OptimizerTensors(optimizer, _tensors.Trainable);
        _state = new SharedState(_groups, _tensors, optimizerTensors, _buffers, strategy);
        _membership = new Membership(
            communicator, strategy, _state, $"{_tensors.Digest():x32} {optimizerTensors.Kind} {strategy.GetType().Name}", options);
        if (!EnterAsNewcomer(cancellationToken))
        {
            Begin(cancellationToken);
        }
    }

    /// <summary>The members that took part in the last exchange, in rank order; all of them see the same list.</summary>
    /// <value>At first those of the initial broadcast: give it to the sampler.</value>
    public IReadOnlyList<MemberId> Members { get; private set; } = [];

    /// <summary>This process in the run.</summary>
    public MemberId Self => _communicator.Self;

    /// <summary>The number of the next step, from 0.</summary>
    public long NextStep => _step;

    /// <summary>The mean of the losses passed to the last exchanged step, weighted by samples over all members.</summary>
    public double MeanLoss { get; private set; }

    /// <summary>Asks all members to stop together; the next exchanged step carries it, when this member has samples in it.</summary>
    public bool AsksToStop { get; set; }

    /// <summary>Whether a member that asked to stop took part in an exchanged step: all that did see it after the same step.</summary>
    /// <remarks>So all may <see cref="Save"/> the same step and leave. Once true it stays so.</remarks>
    public bool StopIsAgreed { get; private set; }

    /// <summary>Takes a step with the other members, on the calling thread.</summary>
    /// <remarks>
    /// Grad mode and dispose scopes are as they were when it returns, and no tensor is left behind. Afterwards gradients
    /// hold what was applied. When it throws, parameters and gradients are as they were before, and the step may be tried
    /// again; except when this member has left the run while buffers were sent, after the step itself. In a scope of <see cref="NoSync"/> it only counts the samples.
    /// </remarks>
    /// <param name="samples">The samples over which this member's gradients are the mean; 0 when it had none.</param>
    /// <param name="loss">This member's mean loss, for <see cref="MeanLoss"/>; members pass one or leave it out together.</param>
    /// <param name="cancellationToken">Gives the step up on all members, until it has committed.</param>
    /// <exception cref="Core.Errors.CrossnodeException">The step did not happen; the text says why.</exception>
    public StepOutcome Step(long samples, double loss = 0, CancellationToken cancellationToken = default)
    {
        Enter(samples);
        try
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            if (_noSyncDepth > 0)
            {
                return Hold(samples, loss);
            }

            var context = Prepare(samples, loss, _optimizer, cancellationToken);
            return Complete(ExchangeAndApply(context, LearningRates()), _optimizer, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Takes a step while the calling thread goes on with other work of its <see cref="SingleThreadContext"/>.</summary>
    /// <remarks>
    /// Everything that touches a tensor runs on the context's thread; averaging runs elsewhere. Leave the module alone
    /// until the task has ended.
    /// </remarks>
    /// <exception cref="InvalidOperationException">The caller is not inside a <see cref="SingleThreadContext"/>.</exception>
    public Task<StepOutcome> StepAsync(long samples, double loss = 0, CancellationToken cancellationToken = default)
    {
        if (SynchronizationContext.Current is not SingleThreadContext context)
        {
            throw new InvalidOperationException(
                "StepAsync works only inside SingleThreadContext.Run: TorchSharp's dispose scopes and grad mode belong to a "
                + "thread, and an await that resumes on another one would leak tensors. Use Step, or run the loop in such a context.");
        }

        Enter(samples);
        return StepCoreAsync(context, samples, loss, cancellationToken);
    }

    /// <summary>Opens a scope in which <see cref="Step"/> exchanges nothing and applies nothing: gradients go on adding up.</summary>
    /// <remarks>
    /// The next step outside counts all samples. As in PyTorch's DDP, scale each loss by its share of the step's samples, or
    /// the gradient is a sum of means.
    /// </remarks>
    public IDisposable NoSync()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _noSyncDepth++;
        return new NoSyncScope(this);
    }

    /// <summary>Ends the training: waits for what the strategy has under way, and makes the parameters the final ones.</summary>
    /// <remarks>Those of a member that is not level by then are of no use.</remarks>
    public void Finish(CancellationToken cancellationToken = default)
    {
        Enter(0);
        try
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            DownloadParameters();
            _membership.BeforeFinish();
            _strategy.Finish(new StepContext
            {
                Model = _model,
                Step = _step,
                Samples = 0,
                TakesWeight = IsLevel,
                Communicator = new DescribingCommunicator(_communicator, _membership, _strategy.Tag, _step, isFirstDescribed: false),
                Optimizer = _optimizer,
                CancellationToken = cancellationToken,
            });
            UploadParameters();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>A digest of parameters and buffers, by which members compare.</summary>
    public StateHash Hash()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        Array.ForEach(_groups, g => g.DownloadParameters());
        using var others = PackedTensors.Pack(
            [.. _tensors.Frozen.Select(f => (f.Name, (Tensor)f.Parameter)), .. _tensors.Buffers]);
        return StateHash.Of([.. _model.Parameters, others]);
    }

    /// <summary>Frees the trainer's own memory. The module and its optimiser go on working, by themselves.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            EndFetching();

            // It reads the memory of what follows.
            _membership.Dispose();
            Array.ForEach(_groups, g => g.Dispose());
            _extras.Source.Dispose();
            _extras.Target.Dispose();
            _state.Dispose();
            _buffers?.Dispose();
        }
    }

    private async Task<StepOutcome> StepCoreAsync(
        SingleThreadContext context, long samples, double loss, CancellationToken cancellationToken)
    {
        try
        {
            StepContext step;
            double[] learningRates;
            using (NewDisposeScope())
            using (no_grad())
            {
                if (_noSyncDepth > 0)
                {
                    return Hold(samples, loss);
                }

                step = Prepare(samples, loss, new OptimizerOnThread(context, _optimizer), cancellationToken);
                learningRates = LearningRates();
            }

            var outcome = await Task.Factory.StartNew(
                () => ExchangeAndApply(step, learningRates), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            using (NewDisposeScope())
            using (no_grad())
            {
                return Complete(outcome, _optimizer, cancellationToken);
            }
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Enter(long samples)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(samples);
        if (Interlocked.Exchange(ref _busy, 1) == 1)
        {
            throw new InvalidOperationException("another step of this trainer is still under way: await it, or use one thread");
        }
    }

    private StepOutcome Hold(long samples, double loss)
    {
        _heldSamples += samples;
        _heldLoss += samples > 0 ? loss * samples : 0;
        return new StepOutcome(_step, ViewId.None, [], samples, 0, 0);
    }

    private StepContext Prepare(long samples, double loss, ILocalOptimizer optimizer, CancellationToken cancellationToken)
    {
        _tensors.CheckUnchanged();
        var total = _heldSamples + samples;
        var extras = _extras.Source.AsSpan<float>();
        extras[LossSlot] = total == 0 ? 0 : (float)((_heldLoss + (samples > 0 ? loss * samples : 0)) / total);
        extras[BuffersSlot] = _buffers?.HaveChanged() == true ? 1 : 0;
        extras[StopSlot] = AsksToStop ? 1 : 0;
        var at = TorchOptimizer.FirstFlag;
        foreach (var group in _groups)
        {
            group.Collect(extras.Slice(at, group.Count));
            at += group.Count;
        }

        // A strategy that exchanges nothing in this step leaves the target alone: the own values hold then.
        _extras.Target.CopyFrom(_extras.Source);
        DownloadParameters();
        return new StepContext
        {
            Model = _model,
            Step = _step,
            Samples = total,
            TakesWeight = IsLevel,
            Communicator = new DescribingCommunicator(_communicator, _membership, _strategy.Tag, _step, isFirstDescribed: true),
            Optimizer = optimizer,
            CancellationToken = cancellationToken,
        };
    }

    private void DownloadParameters()
    {
        if (_strategy.UsesParameters)
        {
            Array.ForEach(_groups, g => g.DownloadParameters());
        }
    }

    private void UploadParameters()
    {
        if (_strategy.UsesParameters)
        {
            Array.ForEach(_groups, g => g.UploadParameters());
        }
    }

    private sealed class NoSyncScope(DistributedTrainer trainer) : IDisposable
    {
        private DistributedTrainer? _trainer = trainer;

        public void Dispose()
        {
            if (_trainer is not null)
            {
                _trainer._noSyncDepth--;
                _trainer = null;
            }
        }
    }

    private sealed class OptimizerOnThread(SingleThreadContext context, ILocalOptimizer inner) : ILocalOptimizer
    {
        public double LearningRate => inner.LearningRate;

        public void Apply() => context.Send(static o => ((ILocalOptimizer)o!).Apply(), inner);
    }
}
