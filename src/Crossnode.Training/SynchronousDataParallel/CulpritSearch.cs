using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Finds whose gradients made an average that is no number.</summary>
/// <remarks>
/// All members hold the same average, so all come here or none, and may run one more operation: each says whether its own
/// gradients were finite. Checking before sending would cost every step a pass over memory.
/// </remarks>
internal static class CulpritSearch
{
    public static NotFiniteException Run(in StepContext context, OperationOutcome outcome, OperationOptions options)
    {
        var model = context.Model;
        var own = context.Samples > 0 && context.TakesWeight ? GradientMath.FirstNotFinite(model.Gradients) : null;
        var average = GradientMath.FirstNotFinite(model.Averages);
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
                ? $"every member's own gradients were finite: the sum left the range of its element type{Tensor(average)}"
                : "the members could not tell one another whose it was";
        return new NotFiniteException(
            $"step {context.Step}: the averaged gradient is not finite; {who}. Parameters are as they were before the step: "
            + "look at that member's samples, lower the learning rate or clip the gradient.");
    }

    private static string Tensor(FlatSegment? segment) => segment is { } found ? $" (tensor '{found.Name}')" : "";
}
