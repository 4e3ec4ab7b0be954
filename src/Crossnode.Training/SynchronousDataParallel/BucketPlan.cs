using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.SynchronousDataParallel;

/// <summary>Cuts a step's flat buffers into the parts of its operation group; the same on all members.</summary>
internal static class BucketPlan
{
    public static OperationGroup Build(
        IReadOnlyList<FlatBuffer> sources, IReadOnlyList<FlatBuffer> targets, StepExtras? extras, int bucketBytes, double weight)
    {
        var group = new OperationGroup { Weight = weight };
        for (var i = 0; i < sources.Count; i++)
        {
            var source = sources[i];
            var bucket = bucketBytes / source.Type.Size();
            for (var at = 0L; at < source.Count; at += bucket)
            {
                var count = Math.Min(bucket, source.Count - at);
                group.AllReduce(source.Slice(at, count), targets[i].Slice(at, count), ReduceOperator.Average);
            }
        }

        if (extras is not null)
        {
            group.AllReduce(extras.Source.AsTensorBuffer(), extras.Target.AsTensorBuffer(), ReduceOperator.Average);
        }

        return group;
    }
}
