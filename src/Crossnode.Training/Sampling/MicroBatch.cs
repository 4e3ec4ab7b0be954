namespace Crossnode.Training.Sampling;

/// <summary>Samples that go through the model together.</summary>
/// <param name="Samples">Their indices in the dataset; never empty.</param>
/// <param name="Share">Their part of the member's samples of this step.</param>
/// <remarks>
/// Scale each micro-batch's mean loss by <paramref name="Share"/> before its backward pass: the gradients then add up to
/// the mean over the member's samples, also when the last micro-batch is smaller.
/// </remarks>
public readonly record struct MicroBatch(IReadOnlyList<long> Samples, double Share);

/// <summary>What one member computes in one step.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="MicroBatches">The micro-batches; may be empty, then the member takes part with no samples.</param>
/// <param name="SampleCount">The samples in all of them.</param>
public sealed record StepShare(long Epoch, IReadOnlyList<MicroBatch> MicroBatches, long SampleCount);
