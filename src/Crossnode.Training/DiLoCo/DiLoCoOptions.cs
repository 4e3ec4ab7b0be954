using Crossnode.Training.SynchronousDataParallel;

namespace Crossnode.Training.DiLoCo;

/// <summary>How seldom members average, and how they move by the average. The same on all members.</summary>
public sealed record DiLoCoOptions
{
    /// <summary>How many local steps lie between two averagings: H.</summary>
    /// <value>500 by default, the method's authors' choice for long runs; at least 1.</value>
    public int SyncEvery { get; init; } = 500;

    /// <summary>How far an outer step goes: eta.</summary>
    /// <value>0.7 by default; positive. 1 with momentum 0 is plain averaging of parameters.</value>
    public double OuterLearningRate { get; init; } = 0.7;

    /// <summary>How much of the last outer step is kept: mu, of Nesterov's momentum as in PyTorch's SGD.</summary>
    /// <value>0.9 by default; at least 0, below 1.</value>
    public double OuterMomentum { get; init; } = 0.9;

    /// <summary>How many steps average gradients before the first local step.</summary>
    /// <value>
    /// 0 by default, for a model that was trained before. From random weights give a fifth of the run or more: local steps
    /// that begin there cost a short run much. The local optimiser's state carries over.
    /// </value>
    public long SynchronousSteps { get; init; }

    /// <summary>How the synchronous steps run; tag, buckets and timeout hold for outer steps too, the clip norm for local ones.</summary>
    public DataParallelOptions DataParallel { get; init; } = new();

    internal bool Exchanges(long step) => step < SynchronousSteps || (step + 1 - SynchronousSteps) % SyncEvery == 0;

    internal DiLoCoOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(SyncEvery, 1, nameof(SyncEvery));
        ArgumentOutOfRangeException.ThrowIfNegative(SynchronousSteps, nameof(SynchronousSteps));
        ArgumentNullException.ThrowIfNull(DataParallel, nameof(DataParallel));
        if (!(OuterLearningRate > 0 && double.IsFinite(OuterLearningRate)))
        {
            throw new ArgumentOutOfRangeException(
                nameof(OuterLearningRate), OuterLearningRate, "an outer learning rate is a positive number");
        }

        if (!(OuterMomentum >= 0 && OuterMomentum < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(OuterMomentum), OuterMomentum, "an outer momentum is at least 0 and below 1");
        }

        return this;
    }
}
