using System.Numerics;
using System.Runtime.InteropServices;
using Crossnode.Core;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>What every operation gives, one element at a time, for values on which any order of reduction agrees.</summary>
internal sealed class CollectiveOracle(TransferCase test)
{
    /// <summary>A member's source: small whole numbers, so that sums and products are exact in every type.</summary>
    public byte[] Source(int rank)
    {
        var count = test.Sizes(rank).Source;
        return Bytes([.. Enumerable.Range(0, (int)count).Select(index => Value(rank, index))]);
    }

    /// <summary>What a member's target must hold; null where it gets nothing.</summary>
    public byte[]? Target(int rank)
    {
        var blocks = test.Blocks;
        var starts = Enumerable.Range(0, test.WorldSize).Select(block => blocks.Take(block).Sum()).ToArray();
        return test.Kind switch
        {
            CollectiveKind.AllReduce => Bytes([.. Range(0, test.Count).Select(Reduced)]),
            CollectiveKind.Reduce => rank == test.Root ? Bytes([.. Range(0, test.Count).Select(Reduced)]) : null,
            CollectiveKind.ReduceScatter => Bytes([.. Range(starts[rank], blocks[rank]).Select(Reduced)]),
            CollectiveKind.Broadcast => rank == test.Root ? null : Source(test.Root),
            CollectiveKind.AllGather => [.. Range(0, test.WorldSize).SelectMany(Source)],
            CollectiveKind.Scatter => Bytes([.. Range(starts[rank], blocks[rank]).Select(index => Value(test.Root, index))]),
            CollectiveKind.Gather => rank == test.Root ? [.. Range(0, test.WorldSize).SelectMany(Source)] : null,
            CollectiveKind.AllToAll => [.. Range(0, test.WorldSize).SelectMany(from => Sent(from, rank))],
            _ => rank == test.Receiver ? Source(test.Root) : null,
        };
    }

    private static IEnumerable<int> Range(long start, long count) => Enumerable.Range((int)start, (int)count);

    private byte[] Sent(int from, int to)
    {
        var start = Range(0, to).Sum(earlier => test.Sent(from, earlier));
        return Bytes([.. Range(start, test.Sent(from, to)).Select(index => Value(from, index))]);
    }

    private long Value(int rank, int index)
    {
        var hash = (((uint)rank * 2654435761u) ^ ((uint)index * 40503u)) + (uint)test.Seed + (test.Shift * 977);
        var sign = ((hash >> 13) & 1) == 0 ? 1 : -1;
        return test.Reduce == ReduceOperator.Product ? (rank % 8 == 0 ? 2 : 1) * sign : (int)((hash >> 7) % 5) * sign;
    }

    private long Reduced(int index)
    {
        var values = Range(0, test.WorldSize).Select(rank => Value(rank, index));
        return test.Reduce switch
        {
            ReduceOperator.Min => values.MinBy(Typed),
            ReduceOperator.Max => values.MaxBy(Typed),
            ReduceOperator.Product => values.Aggregate(1L, static (product, value) => product * value),
            _ => values.Sum(),
        };
    }

    // What is negative is a large number where the type has no sign.
    private long Typed(long value) => test.Type switch
    {
        ElementType.UInt8 => (byte)value,
        ElementType.UInt16 => (ushort)value,
        ElementType.UInt32 => (uint)value,
        ElementType.UInt64 => value ^ long.MinValue,
        _ => value,
    };

    private byte[] Bytes(long[] values) => test.Type switch
    {
        ElementType.Float16 => As<Half>(values),
        ElementType.BFloat16 => MemoryMarshal.AsBytes(values.Select(static value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)).ToArray().AsSpan()).ToArray(),
        ElementType.Float32 => As<float>(values),
        ElementType.Float64 => As<double>(values),
        ElementType.UInt8 => As<byte>(values),
        ElementType.Int8 => As<sbyte>(values),
        ElementType.Int16 => As<short>(values),
        ElementType.Int32 => As<int>(values),
        ElementType.Int64 => As<long>(values),
        ElementType.UInt16 => As<ushort>(values),
        ElementType.UInt32 => As<uint>(values),
        _ => As<ulong>(values),
    };

    private static byte[] As<T>(long[] values)
        where T : unmanaged, INumberBase<T> =>
        MemoryMarshal.AsBytes(values.Select(static value => T.CreateTruncating(value)).ToArray().AsSpan()).ToArray();
}
