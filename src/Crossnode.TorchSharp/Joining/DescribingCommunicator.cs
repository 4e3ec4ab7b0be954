using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Training.Joining;

namespace Crossnode.TorchSharp.Joining;

/// <summary>What a strategy gets as its communicator: it says to newcomers what each operation of the loop's tag is.</summary>
/// <remarks>The first operation of a step is described by the trainer, which knows more of it.</remarks>
internal sealed class DescribingCommunicator(
    ICommunicator inner, Membership membership, uint tag, long step, bool isFirstDescribed) : ICommunicator
{
    private bool _isDescribed = isFirstDescribed;

    public MemberId Self => inner.Self;

    public ViewInfo View => inner.View;

    public OperationOutcome Run(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default)
    {
        Describe(group, options);
        return inner.Run(group, options, cancellationToken);
    }

    public Task<OperationOutcome> RunAsync(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default)
    {
        Describe(group, options);
        return inner.RunAsync(group, options, cancellationToken);
    }

    public TrafficCounters Traffic(uint? tag = null) => inner.Traffic(tag);

    private void Describe(OperationGroup group, OperationOptions? options)
    {
        if ((options?.Tag ?? 0) != tag)
        {
            return;
        }

        if (!_isDescribed)
        {
            membership.Describe(OperationPurpose.Other, step, group);
        }

        _isDescribed = false;
    }
}
