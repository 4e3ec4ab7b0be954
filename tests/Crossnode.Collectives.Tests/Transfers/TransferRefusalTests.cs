using System.Runtime.InteropServices;
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
    private readonly GuardedMemory _target = new(Count * sizeof(float));

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
    }

    [Theory]
    [InlineData(1, 0, 32, 1)]
    [InlineData(0, 4, 32, 1)]
    [InlineData(0, -32, 32, 1)]
    [InlineData(0, 0, 28, 1)]
    [InlineData(0, 0, 36, 1)]
    [InlineData(0, 0, 0, 1)]
    [InlineData(0, 0, -4, 1)]
    [InlineData(0, 0, 32, double.NaN)]
    [InlineData(0, 0, 32, double.PositiveInfinity)]
    [InlineData(0, 0, 32, -1)]
    public void Wrong_slice_is_refused_on_ring_tree_and_chain(int step, int offset, int length, double weight)
    {
        var slice = new Slice(step, offset, length, weight);
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
        var error = Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, new Slice(2, 8, 4, 1)));
        Assert.Equal(
            "rank 0 sent 4 bytes at 8 in step 2 with weight 1, "
            + "but 32 bytes at 0 in step 0 with weight 1 was expected", error.Message);
    }

    [Fact]
    public void Sum_that_counts_another_number_of_members_is_refused()
    {
        using var ring = Ring(1, ReduceOperator.Sum);
        Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, new Slice(0, 0, 32, 2)));
    }

    [Fact]
    public void Weight_that_changes_within_a_step_is_refused()
    {
        using var ring = Ring(1, ReduceOperator.Average);
        var first = new Slice(0, 0, 32, 0.5);
        ring.Expect(0, first);
        ring.Received(0, first);
        Assert.Throws<ProtocolException>(() => (nint)ring.Expect(0, new Slice(0, 32, 32, 0.25)));
        Assert.False(ring.Expect(0, new Slice(0, 32, 32, 0.5)) is null);
    }

    [Fact]
    public void Slice_after_the_last_one_is_refused()
    {
        using var chain = Create(CollectiveKind.Broadcast, ReduceOperator.None, LinkGraph.Complete(4), 1);
        for (var offset = 0; offset < Count * sizeof(float); offset += 32)
        {
            var slice = new Slice(0, offset, 32, 0);
            chain.Expect(0, slice);
            chain.Received(0, slice);
        }

        Assert.True(chain.IsDataComplete);
        Assert.Throws<ProtocolException>(() => (nint)chain.Expect(0, new Slice(0, 256, 32, 0)));
    }

    [Fact]
    public void Result_that_comes_down_a_tree_before_the_parts_went_up_is_refused()
    {
        // 1 is the parent of 2 and the child of 0; its index for 0 is the last.
        using var tree = Create(CollectiveKind.AllReduce, ReduceOperator.Average, LinkGraph.Complete(3).Without(0, 2), 1);
        Assert.Equal([2, 0], tree.Sources);
        Assert.Throws<ProtocolException>(() => (nint)tree.Expect(1, new Slice(1, 0, 32, 1)));
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
        Assert.Throws<InvariantException>(() => chain.Sent(0));
    }

    [Fact]
    public void Factory_refuses_what_cannot_be_computed()
    {
        var plan = TopologyPlan.From(LinkGraph.Complete(2));
        PartMemory Part(CollectiveKind kind, ReduceOperator reduce, byte* target, ElementType type = ElementType.Float32) =>
            new(kind, type, reduce, Count, 0, _source.Address, target);
        var good = Part(CollectiveKind.AllReduce, ReduceOperator.Sum, _target.Address);
        var inPlace = Part(CollectiveKind.AllReduce, ReduceOperator.Sum, _source.Address + 4);
        var noOperator = Part(CollectiveKind.AllReduce, ReduceOperator.None, _target.Address);
        var noData = Part(CollectiveKind.Barrier, ReduceOperator.None, _target.Address);
        var noType = Part(CollectiveKind.AllReduce, ReduceOperator.Sum, _target.Address, ElementType.None);
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(inPlace, plan, 0, 1, 32));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(noOperator, plan, 0, 1, 32));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(noData, plan, 0, 1, 32));
        Assert.Throws<ArgumentException>(() => TransferFactory.Create(noType, plan, 0, 1, 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, plan, 2, 1, 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, plan, 0, double.NaN, 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, plan, 0, -0.5, 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, plan, 0, 1, 30));
        Assert.Throws<ArgumentOutOfRangeException>(() => TransferFactory.Create(good, plan, 0, 1, 0));
    }

    [Fact]
    public void Average_alone_is_the_source_to_the_bit_and_needs_a_weight()
    {
        MemoryMarshal.Cast<byte, float>(_source.Bytes).Fill(0.1f);
        var plan = TopologyPlan.From(LinkGraph.Complete(1));
        var part = new PartMemory(
            CollectiveKind.AllReduce, ElementType.Float32, ReduceOperator.Average, Count, 0, _source.Address, _target.Address);
        using var weighted = TransferFactory.Create(part, plan, 0, 0.3, 32);
        Assert.True(weighted.IsDataComplete && weighted.AllSent && !weighted.ZeroWeight);
        Assert.True(_source.Bytes.SequenceEqual(_target.Bytes));
        using var weightless = TransferFactory.Create(part, plan, 0, 0, 32);
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
            TopologyPlan.From(graph), rank, 1, chunkBytes: 32);
}
