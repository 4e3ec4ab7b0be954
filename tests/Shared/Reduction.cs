using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Testing;

/// <summary>All-reduce and broadcast over members' buffers, by plain loops: the oracle that the cluster runs.</summary>
internal static unsafe class Reduction
{
    public static OperationException? Run(List<MemberId> members, List<OperationGroup> groups, out double total)
    {
        var weights = groups.ConvertAll(g => Math.Round(g.Weight * 4294967296.0) / 4294967296.0);
        total = weights.Sum();
        for (var part = 0; part < groups[0].Parts.Count; part++)
        {
            var first = groups[0].Parts[part];
            var parts = groups.ConvertAll(g => g.Parts.Count == groups[0].Parts.Count ? g.Parts[part] : default);
            if (parts.Any(p => p.Kind != first.Kind || p.Source.Type != first.Source.Type
                || p.Source.Count != first.Source.Count || p.Reduce != first.Reduce || p.Root != first.Root))
            {
                return new OperationException(ErrorKind.Mismatch, $"members disagree on part {part}");
            }

            if (first.Kind == CollectiveKind.Broadcast)
            {
                var root = members.IndexOf(first.Root);
                if (root < 0)
                {
                    return new OperationException(ErrorKind.Membership, $"the root, {first.Root}, has left");
                }

                Broadcast(parts, root);
            }
            else if (first.Reduce == ReduceOperator.Average && total == 0)
            {
                return new OperationException(ErrorKind.ZeroWeight, "the total weight of an average is 0");
            }
            else
            {
                AllReduce(parts, weights, first.Reduce == ReduceOperator.Average ? total : 0);
            }
        }

        return null;
    }

    private static void Broadcast(List<OperationPart> parts, int root)
    {
        using var source = parts[root].Source.Pin();
        foreach (var part in parts)
        {
            using var target = part.Target.Pin();
            Buffer.MemoryCopy(source.Address, target.Address, part.Target.ByteLength, part.Target.ByteLength);
        }
    }

    private static void AllReduce(List<OperationPart> parts, List<double> weights, double divisor)
    {
        var type = parts[0].Source.Type;
        var sources = parts.ConvertAll(p => p.Source.Pin());
        var targets = parts.ConvertAll(p => p.Target.Pin());
        for (var i = 0L; i < parts[0].Source.Count; i++)
        {
            var sum = 0.0;
            for (var member = 0; member < parts.Count; member++)
            {
                if (divisor == 0 || weights[member] != 0)
                {
                    sum += Read(sources[member].Address, type, i) * (divisor == 0 ? 1 : weights[member]);
                }
            }

            var value = divisor == 0 ? sum : sum / divisor;
            targets.ForEach(t => Write(t.Address, type, i, value));
        }

        sources.ForEach(p => p.Dispose());
        targets.ForEach(p => p.Dispose());
    }

    private static double Read(byte* at, ElementType type, long index) => type switch
    {
        ElementType.Float64 => ((double*)at)[index],
        ElementType.Float32 => ((float*)at)[index],
        ElementType.Float16 => (double)((Half*)at)[index],
        _ => BitConverter.UInt32BitsToSingle((uint)((ushort*)at)[index] << 16),
    };

    private static void Write(byte* at, ElementType type, long index, double value)
    {
        switch (type)
        {
            case ElementType.Float64:
                ((double*)at)[index] = value;
                break;
            case ElementType.Float32:
                ((float*)at)[index] = (float)value;
                break;
            case ElementType.Float16:
                ((Half*)at)[index] = (Half)value;
                break;
            default:
                var bits = BitConverter.SingleToUInt32Bits((float)value);
                ((ushort*)at)[index] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
                break;
        }
    }
}
