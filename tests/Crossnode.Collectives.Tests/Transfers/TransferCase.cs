using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>One transfer to try: everything follows from these values.</summary>
internal sealed record TransferCase(
    int WorldSize, bool IsSparse, ElementType Type, CollectiveKind Kind, ReduceOperator Reduce, int Count, int ChunkElements, ulong Seed)
{
    /// <summary>Auto: a ring where the links hold one, else a tree.</summary>
    public Algorithm Algorithm { get; init; }

    public bool IsUneven { get; init; }

    public Codec Codec { get; init; }

    /// <summary>Makes other contents of the same shape.</summary>
    public uint Shift { get; init; }

    public TopologyPlan Plan { get; } = TopologyPlan.From(IsSparse ? SparseGraph(WorldSize, Seed) : LinkGraph.Complete(WorldSize));

    public int ChunkBytes => ChunkElements * Type.Size();

    public int Root => (int)(Seed % (ulong)WorldSize);

    private bool HasRoot => Kind is CollectiveKind.Broadcast or CollectiveKind.Reduce or CollectiveKind.Scatter or CollectiveKind.Gather or CollectiveKind.SendReceive;

    public int Receiver => (int)(Seed / 7 % (ulong)WorldSize);

    public Algorithm Way => Algorithm != Algorithm.Auto ? Algorithm
        : BookOf(0).Can(Kind, Algorithm.Ring) ? Algorithm.Ring : Algorithm.Tree;

    /// <summary>Weights of several kinds: all 1, shares of a batch, and some 0.</summary>
    public IReadOnlyList<double> Weights { get; } = DrawWeights(WorldSize, Seed);

    public bool IsAverage => Reduce == ReduceOperator.Average;

    public ScalarOracle Oracle => new(Type, IsAverage, Weights);

    /// <summary>The elements of each rank's block, for operations of blocks: together the count.</summary>
    public IReadOnlyList<long> Blocks
    {
        get
        {
            var random = new DeterministicRandom(Seed + 4);
            return
            [
                .. Enumerable.Range(0, WorldSize).Select(_ => IsUneven ? random.NextInt32((2 * Count / WorldSize) + 2) : (long)(Count / WorldSize)),
            ];
        }
    }

    public PlanBook BookOf(int rank) => new(Plan, rank, Groups());

    public bool CanRun => BookOf(0).Can(Kind, Way)
        && !(Way == Algorithm.Exchange && IsAverage && Type.Size() == 2);

    /// <summary>What goes from one rank to another in an all-to-all.</summary>
    public long Sent(int from, int to) => IsUneven ? (new DeterministicRandom(Seed + (ulong)((from * 64) + to)).NextInt32(9)) : Count / WorldSize;

    /// <summary>Neighbouring ranks in groups, now of equal and now of other sizes.</summary>
    public IReadOnlyList<int[]> Groups()
    {
        var size = 1 + (int)(Seed / 3 % 4);
        return [.. Enumerable.Range(0, WorldSize).Chunk(size)];
    }

    /// <summary>The elements of a rank's source and target.</summary>
    public (long Source, long Target) Sizes(int rank)
    {
        var blocks = Blocks;
        var whole = blocks.Sum();
        return Kind switch
        {
            CollectiveKind.ReduceScatter => (whole, blocks[rank]),
            CollectiveKind.AllGather => (blocks[rank], whole),
            CollectiveKind.Scatter => (rank == Root ? whole : 0, blocks[rank]),
            CollectiveKind.Gather => (blocks[rank], rank == Root ? whole : 0),
            CollectiveKind.AllToAll => (
                Enumerable.Range(0, WorldSize).Sum(to => Sent(rank, to)), Enumerable.Range(0, WorldSize).Sum(from => Sent(from, rank))),
            _ => (Count, Count),
        };
    }

    public unsafe PartMemory Memory(int rank, byte* source, byte* target)
    {
        var isBroadcast = Kind == CollectiveKind.Broadcast;
        var own = isBroadcast && rank != Root ? target : source;
        var result = isBroadcast && rank == Root ? source : target;
        var whole = Kind switch
        {
            CollectiveKind.ReduceScatter or CollectiveKind.AllGather or CollectiveKind.Scatter or CollectiveKind.Gather => Blocks.Sum(),
            CollectiveKind.AllToAll => Sizes(rank).Source,
            _ => Count,
        };
        return new PartMemory(Kind, Type, Reduce, whole, HasRoot ? Root : 0, own, result)
        {
            ReceiverRank = Receiver,
            Codec = Codec,
            Blocks = !IsUneven ? null
                : Kind == CollectiveKind.AllToAll
                    ? [.. Enumerable.Range(0, WorldSize).Select(to => Sent(rank, to)), .. Enumerable.Range(0, WorldSize).Select(from => Sent(from, rank))]
                    : Blocks,
        };
    }

    /// <summary>Every member's source. What a member with weight 0 holds is NaN.</summary>
    public IEnumerable<byte[]> Contents()
    {
        var random = new DeterministicRandom(Seed + 1);
        for (var rank = 0; rank < WorldSize; rank++)
        {
            var bytes = new byte[Sizes(rank).Source * Type.Size()];
            for (var index = 0; index < bytes.Length / Type.Size(); index++)
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
