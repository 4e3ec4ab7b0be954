using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Finds whose values made an average that is no number.</summary>
/// <remarks>
/// All members hold the same average, so all come here or none, and may run one more operation: each says whether its own
/// values were finite. Checking before sending would cost every step a pass over memory.
/// </remarks>
internal static class CulpritSearch
{
    /// <param name="context">The step's.</param>
    /// <param name="sources">What this member contributed, or what that was computed from; empty when it had no weight.</param>
    /// <param name="what">What was averaged.</param>
    /// <param name="outcome">Of the operation that averaged.</param>
    /// <param name="options">Of the same.</param>
    public static NotFiniteException Run(
        in StepContext context, IReadOnlyList<FlatBuffer> sources, string what, OperationOutcome outcome, OperationOptions options)
    {
        var own = GradientMath.FirstNotFinite(sources);
        var average = GradientMath.FirstNotFinite(context.Model.Averages);
        var flags = new double[outcome.Members.Count];
        var rank = outcome.Members.ToList().IndexOf(context.Communicator.Self);
        if (own is not null && rank >= 0)
        {
            flags[rank] = 1;
        }

        var buffer = TensorBuffer.From(flags.AsMemory());
        var exchange = new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum);
        var answer = context.Communicator.Run(exchange, options, context.CancellationToken);
        var members = outcome.Members.Where((_, i) => flags[i] > 0).ToList();
        var who = members.Count > 0
            ? $"it came from {string.Join(" and ", members)}{Tensor(own)}"
            : answer.Status == OperationStatus.Completed
                ? $"every member's own values were finite: the sum left the range of its element type{Tensor(average)}"
                : "the members could not tell one another whose it was";
        return new NotFiniteException(
            $"step {context.Step}: the {what} is not finite; {who}. Nothing of it was applied: "
            + "look at that member's samples, lower the learning rate or clip the gradient.");
    }

    private static string Tensor(FlatSegment? segment) => segment is { } found ? $" (tensor '{found.Name}')" : "";
}
