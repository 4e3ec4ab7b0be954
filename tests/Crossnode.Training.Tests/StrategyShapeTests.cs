using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Testing;
using Crossnode.Training.Buffers;
using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Training.Tests;

/// <summary>
/// The interface must hold methods that talk seldom, move parameters themselves and keep state. A small one of them,
/// written only here, with settings at which it equals data parallel, shows that nothing is missing.
/// </summary>
[Trait("tier", "unit")]
public sealed class StrategyShapeTests
{
    [Fact]
    public void Local_steps_with_an_outer_step_fit_the_interface_and_equal_data_parallel_at_one_local_step()
    {
        double[] Train(Func<ITrainingStrategy> create) => new InProcessCluster(3).RunAll(communicator =>
        {
            var model = new LinearModel(12, 0.05);
            var strategy = create();
            strategy.Start(model.Flat, communicator);
            for (var step = 0; step < 8; step++)
            {
                model.Backward([(step * 3) + communicator.View.Rank]);
                strategy.Run(model.Context(communicator, step, 1));
            }

            strategy.Finish(model.Flat, communicator);
            return model.Parameters.ToArray();
        })[0];

        var dataParallel = Train(() => new DataParallelStrategy());
        var local = Train(() => new OuterSteps(every: 1));
        var seldom = Train(() => new OuterSteps(every: 4));
        for (var i = 0; i < dataParallel.Length; i++)
        {
            Assert.InRange(local[i] - dataParallel[i], -1e-12, 1e-12);
        }

        Assert.NotEqual(dataParallel, seldom);
    }

    private sealed class OuterSteps(int every) : ITrainingStrategy
    {
        private FlatBuffer[] _global = [];

        public bool UsesParameters => true;

        public uint Tag => 0;

        public StrategyState State => throw new NotSupportedException();

        public bool Exchanges(long step) => (step + 1) % every == 0;

        public void Start(FlatModel model, ICommunicator communicator)
        {
            _global = [.. model.Parameters.Select(FlatBuffer.AllocateLike)];
            Remember(model);
        }

        public StepOutcome Exchange(in StepContext context)
        {
            context.Optimizer.Apply();
            if (!Exchanges(context.Step))
            {
                return new StepOutcome(context.Step, ViewId.None, [], context.Samples, 1, 0);
            }

            var group = new OperationGroup();
            for (var i = 0; i < _global.Length; i++)
            {
                group.AllReduce(
                    context.Model.Parameters[i].AsTensorBuffer(),
                    context.Model.Averages[i].AsTensorBuffer(),
                    ReduceOperator.Average);
            }

            var outcome = context.Communicator.Run(group, cancellationToken: context.CancellationToken).ThrowIfFailed();
            return new StepOutcome(context.Step, outcome.View, outcome.Members, context.Samples, outcome.Attempts, 0);
        }

        public void Apply(in StepContext context, StepOutcome outcome)
        {
            for (var i = 0; outcome.Exchanged && i < _global.Length; i++)
            {
                context.Model.Parameters[i].CopyFrom(context.Model.Averages[i]);
            }

            Remember(context.Model);
        }

        public void Finish(FlatModel model, ICommunicator communicator, CancellationToken cancellationToken = default)
        {
        }

        private void Remember(FlatModel model)
        {
            for (var i = 0; i < _global.Length; i++)
            {
                _global[i].CopyFrom(model.Parameters[i]);
            }
        }
    }
}
