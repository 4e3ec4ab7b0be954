using Crossnode.Collectives.Rehearsals;
using Crossnode.Collectives.State;
using Crossnode.Training.DiLoCo;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.Joining;

/// <summary>A join of a model of a few numbers, once in a process, so that the first real one finds its code compiled.</summary>
internal static class JoinRehearsal
{
    private const int StepsBefore = 2;
    private const int StepsAtMost = 2000;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly Lazy<Task> Once = new(() => Task.Factory.StartNew(
        static () => Play(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));

    /// <summary>Begins it beside whatever this process does; later calls do nothing.</summary>
    public static void Begin() => _ = Once.Value;

    /// <summary>Waits until it is over, but not for long; the first call begins it.</summary>
    public static void Wait(CancellationToken cancellationToken) => Once.Value.Wait((int)Patience.TotalMilliseconds, cancellationToken);

    /// <summary>Lives it, whether or not it was before.</summary>
    /// <returns>Null when the newcomer got level and all stopped together.</returns>
    public static Exception? Play() => Rehearsal.Play(Train, Deadline);

    private static void Train(IStateExchange exchange, Action letComeLater, CancellationToken cancellationToken)
    {
        // No random numbers: those of the process belong to its own training.
        using var module = new Numbers();
        using var optimizer = optim.AdamW(module.parameters(), 1e-3);
        var strategy = new DiLoCoStrategy(new DiLoCoOptions { SyncEvery = 2, SynchronousSteps = StepsBefore });
        using var trainer = exchange.Distribute(module, optimizer, strategy, new DistributionOptions { IsRehearsal = true }, cancellationToken);
        var levelSince = 0;
        for (var step = 0; step < StepsAtMost && !trainer.StopIsAgreed; step++)
        {
            using var scope = NewDisposeScope();
            module.Differentiate();
            levelSince += exchange.IsNewcomer && trainer.IsLevel ? 1 : 0;
            trainer.AsksToStop = levelSince > 2;
            trainer.Step(trainer.IsLevel ? 1 : 0, cancellationToken: cancellationToken);
            if (step == StepsBefore)
            {
                letComeLater();
            }
        }
    }

    private sealed class Numbers : nn.Module
    {
        private readonly Parameter _values = new(zeros(16, dtype: ScalarType.Float32, device: CPU));

        public Numbers()
            : base(nameof(Numbers)) => RegisterComponents();

        public void Differentiate() => _values.grad = ones_like(_values);
    }
}
