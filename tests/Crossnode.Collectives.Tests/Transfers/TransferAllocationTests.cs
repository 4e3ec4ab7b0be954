using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Tests.Transfers;

[Trait("tier", "unit")]
public sealed unsafe class TransferAllocationTests
{
    private const int Count = 100_000;
    private const int ChunkBytes = 64;

    [Theory]
    [InlineData(CollectiveKind.AllReduce, false)]
    [InlineData(CollectiveKind.AllReduce, true)]
    [InlineData(CollectiveKind.Broadcast, false)]
    [InlineData(CollectiveKind.Broadcast, true)]
    public void Moving_thousands_of_chunks_allocates_nothing(CollectiveKind kind, bool isStar)
    {
        var graph = isStar ? LinkGraph.Of(4, [(0, 1), (0, 2), (0, 3)]) : LinkGraph.Complete(4);
        using var pool = new ScratchPool();
        using var source = new GuardedMemory(Count * sizeof(float));
        source.Bytes.Clear();
        GuardedMemory[] targets = [.. Enumerable.Range(0, 4).Select(static _ => new GuardedMemory(Count * sizeof(float)))];
        Transfer[] transfers =
        [
            .. targets.Select((target, rank) => TransferFactory.Create(
                new PartMemory(
                    kind, ElementType.Float32, kind == CollectiveKind.AllReduce ? ReduceOperator.Average : ReduceOperator.None,
                    Count, 0, source.Address, target.Address),
                new PlanBook(TopologyPlan.From(graph), rank), isStar ? Algorithm.Tree : Algorithm.Ring, 0.25, ChunkBytes, pool)),
        ];
        (int, int, int, int)[] links = [.. Links(transfers)];

        var chunks = Move(transfers, links, 500);
        var before = GC.GetAllocatedBytesForCurrentThread();
        chunks += Move(transfers, links, int.MaxValue);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(chunks > 15_000, $"{chunks} chunks");
        Assert.Equal(0, allocated);
        Assert.All(transfers, static transfer => Assert.True(transfer.IsDataComplete && transfer.AllSent));
        Assert.All(transfers, static transfer => transfer.Dispose());
        Assert.All(targets, static target => target.Dispose());
    }

    private static IEnumerable<(int From, int TargetIndex, int To, int SourceIndex)> Links(Transfer[] transfers)
    {
        for (var from = 0; from < transfers.Length; from++)
        {
            for (var index = 0; index < transfers[from].Targets.Count; index++)
            {
                var to = transfers[from].Targets[index];
                yield return (from, index, to, transfers[to].Sources.ToList().IndexOf(from));
            }
        }
    }

    private static int Move(Transfer[] transfers, (int From, int TargetIndex, int To, int SourceIndex)[] links, int limit)
    {
        var chunks = 0;
        var moved = true;
        while (moved && chunks < limit)
        {
            moved = false;
            foreach (var (from, targetIndex, to, sourceIndex) in links)
            {
                if (transfers[from].TryGetSend(targetIndex, out var slice, out var payload))
                {
                    var landing = transfers[to].Expect(sourceIndex, slice);
                    Buffer.MemoryCopy(payload, landing, slice.Length, slice.Length);
                    transfers[from].Take(targetIndex);
                    transfers[from].Sent(targetIndex, slice);
                    transfers[to].Received(sourceIndex, slice);
                    moved = true;
                    chunks++;
                }
            }
        }

        return chunks;
    }
}
