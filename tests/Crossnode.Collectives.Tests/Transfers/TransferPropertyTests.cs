using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using CsCheck;

namespace Crossnode.Collectives.Tests.Transfers;

/// <summary>Goal: any members, links, counts, chunks and order of events give the documented result, once, everywhere.</summary>
[Trait("tier", "property")]
public sealed class TransferPropertyTests
{
    private static readonly Gen<ElementType> AnyType =
        Gen.OneOf(ElementType.Float16, ElementType.BFloat16, ElementType.Float32, ElementType.Float64);

    private static readonly Gen<ReduceOperator> AnyOperator = Gen.OneOf(ReduceOperator.Sum, ReduceOperator.Average);

    private static readonly Gen<int> AnyWorld = Gen.Frequency((12, Gen.Int[1, 9]), (1, Gen.OneOf(16, 33)));

    private static readonly Gen<TransferCase> AnyReduction =
        from world in AnyWorld
        from sparse in Gen.Bool
        from type in AnyType
        from reduce in AnyOperator
        from count in CountsFor(world)
        from chunk in Gen.Int[1, 40]
        from seed in Gen.ULong
        select new TransferCase(world, sparse, type, CollectiveKind.AllReduce, reduce, count, chunk, seed);

    private static readonly Gen<TransferCase> AnyBroadcast =
        from world in AnyWorld
        from sparse in Gen.Bool
        from type in AnyType
        from count in CountsFor(world)
        from chunk in Gen.Int[1, 40]
        from seed in Gen.ULong
        select new TransferCase(
            world, sparse, type, CollectiveKind.Broadcast, ReduceOperator.None, count, chunk, seed);

    [Fact]
    public void AllReduce_in_any_order_of_events_gives_the_documented_bits_everywhere() =>
        AnyReduction.Sample(CheckReduction, iter: 1500);

    [Fact]
    public void Broadcast_in_any_order_of_events_gives_the_roots_bytes_everywhere() =>
        AnyBroadcast.Sample(
            static test =>
            {
                using var cluster = new TransferCluster(test);
                cluster.Run();
                cluster.AssertSourcesUntouched();
                var expected = test.Contents().ElementAt(test.Root);
                for (var rank = 0; rank < test.WorldSize; rank++)
                {
                    Assert.True(rank == test.Root || cluster.Target(rank).SequenceEqual(expected));
                    AssertEachStepSentOnce(test, cluster, rank);
                }
            },
            iter: 500);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(33)]
    public void AllReduce_on_a_ring_sends_the_closed_form_of_bytes(int world)
    {
        const int PerMember = 30;
        var test = new TransferCase(
            world, false, ElementType.Float32, CollectiveKind.AllReduce, ReduceOperator.Sum, PerMember * world, 7, 5);
        using var cluster = new TransferCluster(test);
        cluster.Run();
        for (var rank = 0; rank < world; rank++)
        {
            Assert.Equal(2L * (world - 1) * PerMember * sizeof(float), cluster.Traffic[rank].Sum(static item => item.Slice.Length));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AllReduce_of_every_size_around_the_world_size_is_right(bool isSparse)
    {
        for (var world = 1; world <= 9; world++)
        {
            foreach (var count in new[] { 0, 1, world - 1, world, world + 1, (7 * world) + 3 })
            {
                foreach (var chunk in new[] { 1, 3, 1000 })
                {
                    CheckReduction(new TransferCase(
                        world, isSparse, ElementType.Float32, CollectiveKind.AllReduce, ReduceOperator.Average, count, chunk, (ulong)(count + chunk)));
                }
            }
        }
    }

    private static Gen<int> CountsFor(int world) => Gen.Frequency(
        (3, Gen.OneOf(0, 1, world - 1, world, world + 1, (3 * world) + 1)),
        (3, Gen.Int[0, 200]),
        (1, Gen.Int[200, 2000]));

    private static void CheckReduction(TransferCase test)
    {
        using var cluster = new TransferCluster(test);
        cluster.Run();
        cluster.AssertSourcesUntouched();
        var total = test.IsAverage ? test.Weights.Sum() : test.WorldSize;
        Assert.All(cluster.Transfers, transfer => Assert.Equal(total, transfer.TotalWeight));
        Assert.All(cluster.Transfers, transfer => Assert.Equal(total == 0, transfer.ZeroWeight));
        if (total != 0)
        {
            CheckValues(test, cluster);
        }

        for (var rank = 0; rank < test.WorldSize; rank++)
        {
            AssertEachStepSentOnce(test, cluster, rank);
        }
    }

    private static void CheckValues(TransferCase test, TransferCluster cluster)
    {
        byte[][] sources = [.. test.Contents()];
        var expected = test.Oracle.Reduce(test.Plan, sources);
        for (var rank = 0; rank < test.WorldSize; rank++)
        {
            Assert.True(cluster.Target(rank).SequenceEqual(expected), $"{test}: rank {rank} has other bits");
        }

        for (var index = 0; index < test.Count; index++)
        {
            var (value, tolerance) = test.Oracle.Exact(sources, index);
            Assert.Equal(value, test.Oracle.Read(expected.AsSpan(index * test.Type.Size())), tolerance);
        }
    }

    /// <summary>Within a link's step, slices follow one another without gap or overlap and cover one range.</summary>
    private static void AssertEachStepSentOnce(TransferCase test, TransferCluster cluster, int rank)
    {
        foreach (var step in cluster.Traffic[rank].GroupBy(static item => (item.To, item.Slice.Step)))
        {
            var slices = step.Select(static item => item.Slice).ToList();
            for (var i = 1; i < slices.Count; i++)
            {
                Assert.Equal(slices[i - 1].Offset + slices[i - 1].Length, slices[i].Offset);
                Assert.True(slices[i].Length > 0);
            }

            Assert.All(slices, slice => Assert.InRange(slice.Length, 0, test.ChunkBytes));
            var bytes = slices.Sum(static slice => slice.Length);
            var whole = test.Count * test.Type.Size();
            var isRing = test.Kind == CollectiveKind.AllReduce && test.Plan.HasRing;
            Assert.InRange(
                bytes,
                isRing ? test.Count / test.WorldSize * test.Type.Size() : whole,
                isRing ? ((test.Count / test.WorldSize) + 1) * test.Type.Size() : whole);
        }
    }
}
