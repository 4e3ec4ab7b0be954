using System.Buffers.Binary;
using Crossnode.Collectives.Plans;
using Crossnode.Core;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>Computes an all-reduce one element at a time in the documented order, with arithmetic of its own.</summary>
internal sealed class ScalarOracle(ElementType type, bool isAverage, IReadOnlyList<double> weights)
{
    /// <summary>The bytes that every member must end with.</summary>
    public byte[] Reduce(TopologyPlan plan, IReadOnlyList<byte[]> sources)
    {
        var result = new byte[sources[0].Length];
        var size = type.Size();
        var count = result.Length / size;
        for (var index = 0; index < count; index++)
        {
            var values = sources.Select(source => Read(source.AsSpan(index * size))).ToArray();
            var sum = plan.WorldSize == 1 ? values[0]
                : plan.Ring is { } ring ? AlongRing(ring, SegmentOf(index, count, plan.WorldSize), values)
                : UpTree(plan, 0, values);
            if (isAverage && plan.WorldSize > 1)
            {
                sum = Round(type == ElementType.Float64 ? sum / weights.Sum() : (float)sum / (float)weights.Sum());
            }

            Write(result.AsSpan(index * size), sum);
        }

        return result;
    }

    /// <summary>The exact result in doubles, and a bound on how far rounding may lead from it.</summary>
    public (double Value, double Tolerance) Exact(IReadOnlyList<byte[]> sources, int index)
    {
        double sum = 0, magnitude = 0;
        for (var rank = 0; rank < sources.Count; rank++)
        {
            if (WeightOf(rank) != 0)
            {
                var term = WeightOf(rank) * Read(sources[rank].AsSpan(index * type.Size()));
                sum += term;
                magnitude += Math.Abs(term);
            }
        }

        var divisor = isAverage ? weights.Sum() : 1;
        var epsilon = type switch
        {
            ElementType.Float16 => 1.0 / (1 << 10),
            ElementType.BFloat16 => 1.0 / (1 << 7),
            ElementType.Float32 => 1.0 / (1 << 23),
            _ => 1.0 / (1L << 52),
        };

        // The smallest binary16 steps are 2^-24, whatever the magnitude.
        var floor = type == ElementType.Float16 ? sources.Count / (double)(1 << 24) / Math.Min(1, divisor) : 0;
        return (sum / divisor, ((sources.Count + 2) * epsilon * magnitude / divisor) + floor);
    }

    public double Read(ReadOnlySpan<byte> bytes) => type switch
    {
        ElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
        ElementType.BFloat16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes) << 16),
        ElementType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
    };

    public void Write(Span<byte> bytes, double value)
    {
        switch (type)
        {
            case ElementType.Float16:
                BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)(float)value);
                break;
            case ElementType.BFloat16:
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, ToBFloat16((float)value));
                break;
            case ElementType.Float32:
                BinaryPrimitives.WriteSingleLittleEndian(bytes, (float)value);
                break;
            default:
                BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
                break;
        }
    }

    private static int SegmentOf(int index, int count, int worldSize)
    {
        var segment = 0;
        var end = 0;
        while (true)
        {
            end += (count / worldSize) + (segment < count % worldSize ? 1 : 0);
            if (index < end)
            {
                return segment;
            }

            segment++;
        }
    }

    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            return (ushort)((bits >> 16) | 0x40);
        }

        // To nearest, ties to even: half of the last place, less one when the last place is even.
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private double AlongRing(IReadOnlyList<int> ring, int first, double[] values)
    {
        var sum = Start(ring[first], values);
        for (var hop = 1; hop < ring.Count; hop++)
        {
            sum = AddOwn(sum, ring[(first + hop) % ring.Count], values);
        }

        return sum;
    }

    private double UpTree(TopologyPlan plan, int rank, double[] values)
    {
        var parents = plan.Links.BreadthFirstTree(0);
        int[] children = [.. Enumerable.Range(0, parents.Length).Where(child => parents[child] == rank)];
        if (children.Length == 0)
        {
            return Start(rank, values);
        }

        var sum = AddOwn(UpTree(plan, children[0], values), rank, values);
        foreach (var child in children.Skip(1))
        {
            sum = Add(sum, UpTree(plan, child, values));
        }

        return sum;
    }

    private double WeightOf(int rank) => isAverage ? weights[rank] : 1;

    private double Start(int rank, double[] values) =>
        WeightOf(rank) switch { 0 => 0, 1 => values[rank], _ => Round(Scale(rank, values)) };

    private double AddOwn(double sum, int rank, double[] values) =>
        WeightOf(rank) switch { 0 => sum, 1 => Add(sum, values[rank]), _ => Add(sum, Scale(rank, values)) };

    private double Scale(int rank, double[] values) =>
        type == ElementType.Float64 ? WeightOf(rank) * values[rank] : (float)WeightOf(rank) * (float)values[rank];

    private double Add(double a, double b) => Round(type == ElementType.Float64 ? a + b : (float)a + (float)b);

    private double Round(double value)
    {
        Span<byte> bytes = stackalloc byte[8];
        Write(bytes, value);
        return Read(bytes);
    }
}
