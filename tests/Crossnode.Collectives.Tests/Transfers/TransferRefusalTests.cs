using System.Runtime.InteropServices;
using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Tests.Transfers;

[Trait("tier", "unit")]
public sealed unsafe class TransferRefusalTests : IDisposable
{
    private const int Count = 64;

    private readonly GuardedMemory _source = new(Count * sizeof(float));
    private readonly ScratchPool _pool = new();
    private readonly GuardedMemory _target = new(Count * sizeof(float));

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
        _pool.Dispose();
    }

    [Theory]
    [InlineData(7, 0, 32, 1)]
    [InlineData(0, 99, 32, 1)]
    [InlineData(0, -1, 32, 1)]
    [InlineData(0, 0, 28, 1)]
    [InlineData(0, 0, 36, 1)]
    [InlineData(0, 0, 0, 1)]
    [InlineData(0, 0, -4, 1)]
    [InlineData(0, 0, 32, double.NaN)]
    [InlineData(0, 0, 32, double.PositiveInfinity)]
    [InlineData(0, 0, 32, -1)]
    public void Wrong_slice_is_refused_on_ring_tree_and_chain(int step, int chunk, int length, double weight)
    {
        var slice = new Slice(step, chunk, length, weight);
        foreach (var transfer in Receivers(ReduceOperator.Average))
        {
            using (transfer)
            {
                Assert.Throws<ProtocolException>(() => (nint)transfer.Expect(0, slice));
            }
        }
    }

    [Fact]
    public void Refusal_names_the_sender_the_slice_and_what_was_expected()
    {
        using var ring = Ring(1, ReduceOperator.Sum);
        var error = Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, new Slice(0, 1, 4, 1)));
        Assert.Equal("rank 0 sent 4 bytes of chunk 1 of step 0 with weight 1, but a chunk of 32 bytes was expected", error.Message);
    }

    [Fact]
    public void Sum_that_counts_another_number_of_members_is_refused()
    {
        using var pair = Create(CollectiveKind.AllReduce, ReduceOperator.Sum, LinkGraph.Complete(2), 1);
        var slice = new Slice(0, 0, 32, 2);
        pair.Expect(0, slice);
        Assert.Throws<ProtocolException>(() => pair.Received(0, slice));
    }

    [Fact]
    public void Chunk_that_comes_twice_is_refused_under_way_and_done()
    {
        using var ring = Ring(1, ReduceOperator.Sum);
        var slice = new Slice(0, 0, 32, 1);
        ring.Expect(0, slice);
        Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, slice));
        ring.Received(0, slice);
        Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, slice));
    }

    [Fact]
    public void Weight_that_changes_within_a_step_is_refused()
    {
        using var ring = Ring(1, ReduceOperator.Average);
        var first = new Slice(0, 0, 32, 0.5);
        ring.Expect(0, first);
        ring.Received(0, first);
        Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, new Slice(0, 1, 32, 0.25)));
        Assert.False(ring.Expect(0, new Slice(0, 1, 32, 0.5)) is null);
    }

    [Fact]
    public void Slice_after_the_last_one_is_refused()
    {
        using var chain = Create(CollectiveKind.Broadcast, ReduceOperator.None, LinkGraph.Complete(4), 1);
        for (var chunk = 0; chunk < Count * sizeof(float) / 32; chunk++)
        {
            var slice = new Slice(0, chunk, 32, 0);
            chain.Expect(0, slice);
            chain.Received(0, slice);
        }

        Assert.True(chain.IsDataComplete);
        Assert.Throws<ProtocolException>(() => (nint)chain.Expect(0, new Slice(0, 8, 32, 0)));
    }

    [Fact]
    public void Received_without_expect_and_sent_without_a_slice_are_bugs_of_the_caller()
    {
        foreach (var transfer in Receivers(ReduceOperator.Sum))
        {
            using (transfer)
            {
                Assert.Throws<InvariantException>(() => transfer.Received(0, default));
            }
        }

        using var chain = Create(CollectiveKind.Broadcast, ReduceOperator.None, LinkGraph.Complete(4), 1);
        Assert.Throws<InvariantException>(() => chain.Sent(0, default));
    }

    [Fact]
    public void Factory_refuses_what_cannot_be_computed()
    {
        var book = new PlanBook(TopologyPlan.From(LinkGraph.Complete(2)), 0);
        PartMemory Part(CollectiveKind kind, ReduceOperator reduce, byte* target, ElementType type = ElementType.Float32) =>
            new(kind, type, reduce, Count, 0, _source.Address, target);
        var good = Part(CollectiveKind.AllReduce, ReduceOperator.Sum, _target.Address);
        var inPlace = Part(CollectiveKind.AllReduce, ReduceOperator.Sum, _source.Address + 4);
        var noOperator = Part(CollectiveKind.AllReduce, ReduceOperator.None, _target.Address);
        var noData = Part(CollectiveKind.Barrier, ReduceOperator.None, _target.Address);
        var noType = Part(CollectiveKind.AllReduce, ReduceOperator.Sum, _target.Address, ElementType.None);
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(inPlace, book, Algorithm.Ring, 1, 32, _pool));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(noOperator, book, Algorithm.Ring, 1, 32, _pool));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(noData, book, Algorithm.Ring, 1, 32, _pool));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(noType, book, Algorithm.Ring, 1, 32, _pool));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(good, book, Algorithm.Hierarchical, 1, 32, _pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, book, Algorithm.Ring, double.NaN, 32, _pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, book, Algorithm.Ring, -0.5, 32, _pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, book, Algorithm.Ring, 1, 30, _pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, book, Algorithm.Ring, 1, 0, _pool));
    }

    [Fact]
    public void Average_alone_is_the_source_to_the_bit_and_needs_a_weight()
    {
        MemoryMarshal.Cast<byte, float>(_source.Bytes).Fill(0.1f);
        var book = new PlanBook(TopologyPlan.From(LinkGraph.Complete(1)), 0);
        var part = new PartMemory(
            CollectiveKind.AllReduce, ElementType.Float32, ReduceOperator.Average, Count, 0, _source.Address, _target.Address);
        using var weighted = TransferFactory.Create(part, book, Algorithm.Ring, 0.3, 32, _pool);
        Assert.True(weighted.IsDataComplete && weighted.AllSent && !weighted.ZeroWeight);
        Assert.True(_source.Bytes.SequenceEqual(_target.Bytes));
        using var weightless = TransferFactory.Create(part, book, Algorithm.Ring, 0, 32, _pool);
        Assert.True(weightless.IsDataComplete && weightless.ZeroWeight);
    }

    // The receivers all expect 32 bytes at 0 in step 0 from their first source.
    private Transfer[] Receivers(ReduceOperator reduce) =>
    [
        Ring(1, reduce),
        Create(CollectiveKind.AllReduce, reduce, LinkGraph.Complete(3).Without(0, 2), 1),
        Create(CollectiveKind.Broadcast, ReduceOperator.None, LinkGraph.Complete(4), 1),
    ];

    private Transfer Ring(int rank, ReduceOperator reduce) =>
        Create(CollectiveKind.AllReduce, reduce, LinkGraph.Complete(4), rank);

    private Transfer Create(CollectiveKind kind, ReduceOperator reduce, LinkGraph graph, int rank) =>
        TransferFactory.Create(
            new PartMemory(kind, ElementType.Float32, reduce, Count, 0, _source.Address, _target.Address),
            BookOf(graph, rank), BookOf(graph, rank).Can(kind, Algorithm.Ring) ? Algorithm.Ring : Algorithm.Tree, 1, chunkBytes: 32, _pool);

    private static PlanBook BookOf(LinkGraph graph, int rank) => new(TopologyPlan.From(graph), rank);
}
