using Crossnode.Core;

namespace Crossnode.Collectives;

/// <summary>What can be wrong with an operation that is added to a group.</summary>
internal static class PartCheck
{
    public static void Type(in TensorBuffer buffer)
    {
        if (!buffer.Type.IsKnown())
        {
            throw new ArgumentException("the buffer describes no memory; make it with one of TensorBuffer's From methods", nameof(buffer));
        }
    }

    public static void SameType(in TensorBuffer source, in TensorBuffer target)
    {
        if (source.Type != target.Type)
        {
            throw new ArgumentException($"source is of {source.Type.Name()} but target of {target.Type.Name()}", nameof(target));
        }
    }

    public static void SameShape(in TensorBuffer source, in TensorBuffer target)
    {
        if (source.Type != target.Type || source.Count != target.Count)
        {
            throw new ArgumentException(
                $"source is {source.Count} {source.Type.Name()} but target is {target.Count} {target.Type.Name()}",
                nameof(target));
        }
    }

    /// <summary>Throws unless the counts of all blocks add up to the buffer that holds them.</summary>
    public static void Whole(in TensorBuffer whole, IReadOnlyList<long>? counts)
    {
        if (counts is null)
        {
            return;
        }

        long sum = 0;
        foreach (var count in counts)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count, nameof(counts));
            sum = checked(sum + count);
        }

        if (sum != whole.Count)
        {
            throw new ArgumentException($"the blocks hold {sum} elements, but the buffer that holds them all has {whole.Count}", nameof(counts));
        }
    }

    /// <summary>Checks the buffer that only the root has, where it is given.</summary>
    public static void OptionalWhole(in TensorBuffer whole, in TensorBuffer block, IReadOnlyList<long>? counts)
    {
        if (whole != default)
        {
            SameType(whole, block);
            Whole(whole, counts);
        }
    }

    public static void Operator(ReduceOperator reduce, ElementType type)
    {
        if (reduce is not (>= ReduceOperator.Sum and <= ReduceOperator.Product))
        {
            throw new ArgumentOutOfRangeException(nameof(reduce), reduce, "use Sum, Average, Min, Max or Product");
        }

        if (reduce == ReduceOperator.Average && !type.IsFloat())
        {
            throw new ArgumentException($"there is no average of {type.Name()}: use Sum and divide, or floats", nameof(reduce));
        }
    }

    public static void Fits(Codec codec, ElementType type, ReduceOperator reduce)
    {
        if (codec == Codec.None)
        {
            return;
        }

        if (codec > Codec.Sign)
        {
            throw new ArgumentOutOfRangeException(nameof(codec), codec, "unknown codec");
        }

        if (type != ElementType.Float32 || reduce is not (ReduceOperator.Sum or ReduceOperator.Average))
        {
            throw new ArgumentException($"codec {codec} is for sums and averages of f32, not for {reduce} of {type.Name()}", nameof(codec));
        }
    }
}
