using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Cuts a step's flat buffers into the parts of its operation group; the same on all members.</summary>
internal static class BucketPlan
{
    public static OperationGroup Build(FlatModel model, int bucketBytes, double weight)
    {
        var group = new OperationGroup { Weight = weight };
        for (var i = 0; i < model.Gradients.Count; i++)
        {
            var gradient = model.Gradients[i];
            var bucket = bucketBytes / gradient.Type.Size();
            for (var at = 0L; at < gradient.Count; at += bucket)
            {
                var count = Math.Min(bucket, gradient.Count - at);
                group.AllReduce(gradient.Slice(at, count), model.Averages[i].Slice(at, count), ReduceOperator.Average);
            }
        }

        if (model.Extras is { } extras)
        {
            group.AllReduce(extras.Source.AsTensorBuffer(), extras.Target.AsTensorBuffer(), ReduceOperator.Average);
        }

        return group;
    }
}
