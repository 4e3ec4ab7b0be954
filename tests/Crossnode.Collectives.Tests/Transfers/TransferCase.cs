using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>One transfer to try: everything follows from these values.</summary>
internal sealed record TransferCase(
    int WorldSize, bool IsSparse, ElementType Type, CollectiveKind Kind, ReduceOperator Reduce, int Count, int ChunkElements, ulong Seed)
{
    public TopologyPlan Plan { get; } = TopologyPlan.From(IsSparse ? SparseGraph(WorldSize, Seed) : LinkGraph.Complete(WorldSize));

    public int ChunkBytes => ChunkElements * Type.Size();

    public int Root => (int)(Seed % (ulong)WorldSize);

    /// <summary>Weights of several kinds: all 1, shares of a batch, and some 0.</summary>
    public IReadOnlyList<double> Weights { get; } = DrawWeights(WorldSize, Seed);

    public bool IsAverage => Reduce == ReduceOperator.Average;

    public ScalarOracle Oracle => new(Type, IsAverage, Weights);

    public unsafe PartMemory Memory(int rank, byte* source, byte* target) =>
        Kind == CollectiveKind.Broadcast && rank == Root
            ? new PartMemory(Kind, Type, Reduce, Count, Root, source, source)
            : Kind == CollectiveKind.Broadcast
                ? new PartMemory(Kind, Type, Reduce, Count, Root, target, target)
                : new PartMemory(Kind, Type, Reduce, Count, 0, source, target);

    /// <summary>Every member's source. What a member with weight 0 holds is NaN.</summary>
    public IEnumerable<byte[]> Contents()
    {
        var random = new DeterministicRandom(Seed + 1);
        for (var rank = 0; rank < WorldSize; rank++)
        {
            var bytes = new byte[Count * Type.Size()];
            for (var index = 0; index < Count; index++)
            {
                var value = IsAverage && Weights[rank] == 0 ? double.NaN : (random.NextDouble() - 0.5) * 8;
                Oracle.Write(bytes.AsSpan(index * Type.Size()), value);
            }

            yield return bytes;
        }
    }

    /// <summary>A random spanning tree and a few links more.</summary>
    public static LinkGraph SparseGraph(int worldSize, ulong seed)
    {
        var random = new DeterministicRandom(seed + 2);
        var links = new List<(int, int)>();
        for (var rank = 1; rank < worldSize; rank++)
        {
            links.Add((rank, random.NextInt32(rank)));
        }

        for (var more = random.NextInt32((2 * worldSize) + 1); more > 0 && worldSize > 1; more--)
        {
            var a = random.NextInt32(worldSize);
            links.Add((a, (a + 1 + random.NextInt32(worldSize - 1)) % worldSize));
        }

        return LinkGraph.Of(worldSize, links);
    }

    private static double[] DrawWeights(int worldSize, ulong seed)
    {
        var random = new DeterministicRandom(seed + 3);
        var kind = random.NextInt32(4);
        var weights = new double[worldSize];
        for (var rank = 0; rank < worldSize; rank++)
        {
            weights[rank] = kind switch
            {
                0 => 1,
                1 => (1 + random.NextInt64(1L << 32)) / (double)(1L << 32) / 4,
                _ => random.NextInt32(2) * random.NextInt32(256) / 256.0,
            };
            weights[rank] = Math.Round(weights[rank] * (1L << 32)) / (1L << 32);
        }

        return weights;
    }
}
