using System.Runtime.InteropServices;
using Crossnode.Cli.Benchmarks.Operations;
using Crossnode.Core;

namespace Crossnode.Cli.Tests.Benchmarks;

[Trait("tier", "unit")]
public sealed unsafe class BenchOperationTests
{
    private const int Count = 40_000;

    [Theory]
    [InlineData("all-reduce", 2, 1)]
    [InlineData("all-reduce", 4, 1.5)]
    [InlineData("broadcast", 4, 1)]
    [InlineData("reduce", 4, 1)]
    [InlineData("reduce-scatter", 4, 0.75)]
    [InlineData("all-gather", 2, 0.5)]
    [InlineData("scatter", 4, 1)]
    [InlineData("gather", 4, 1)]
    [InlineData("all-to-all", 5, 0.8)]
    [InlineData("send-receive", 4, 1)]
    [InlineData("barrier", 4, 0)]
    public void Bus_factor_is_that_of_the_operation(string operation, int world, double factor) =>
        Assert.Equal(factor, BenchOperation.Named(operation).BusFactor(world), tolerance: 1e-12);

    [Fact]
    public void Result_of_all_reduce_is_the_sum_of_what_ranks_bring()
    {
        const int World = 5;
        var sums = new float[Count];
        for (var rank = 0; rank < World; rank++)
        {
            var values = Filled(ElementType.Float32, BenchOperation.Named("all-reduce").Before(World, rank, Count));
            sums = [.. sums.Zip(MemoryMarshal.Cast<byte, float>(values).ToArray(), (a, b) => a + b)];
        }
        Assert.True(Holds(MemoryMarshal.AsBytes<float>(sums).ToArray(), ElementType.Float32, BenchOperation.Named("all-reduce").After(World, 0, Count)));
    }

    [Fact]
    public void Results_of_blocks_are_the_blocks_that_ranks_bring()
    {
        const int World = 4;
        const int Block = Count / World;
        var whole = Enumerable.Range(0, World).Select(rank => Floats(BenchOperation.Named("all-to-all").Before(World, rank, Count))).ToList();
        var sum = whole.Aggregate((a, b) => [.. a.Zip(b, (x, y) => x + y)]);
        for (var rank = 0; rank < World; rank++)
        {
            var own = new Range(rank * Block, (rank + 1) * Block);
            var blocks = whole.Select((values, from) => values[(from * Block)..((from + 1) * Block)]).ToList();
            Assert.Equal(blocks[rank], Floats(BenchOperation.Named("all-gather").Before(World, rank, Count)));
            Assert.Equal(blocks.SelectMany(b => b), Floats(BenchOperation.Named("all-gather").After(World, rank, Count)));
            Assert.Equal(rank == 0 ? blocks.SelectMany(b => b) : [], Floats(BenchOperation.Named("gather").After(World, rank, Count)));
            Assert.Equal(whole[World - 1][own], Floats(BenchOperation.Named("scatter").After(World, rank, Count)));
            Assert.Equal(sum[own], Floats(BenchOperation.Named("reduce-scatter").After(World, rank, Count)));
            Assert.Equal(rank == 0 ? sum : [], Floats(BenchOperation.Named("reduce").After(World, rank, Count)));
            Assert.Equal(whole.SelectMany(values => values[own]), Floats(BenchOperation.Named("all-to-all").After(World, rank, Count)));
            Assert.Equal(whole[rank == 0 ? World - 1 : rank], Floats(BenchOperation.Named("send-receive").After(World, rank, Count)));
        }
    }

    [Theory]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float64)]
    [InlineData(ElementType.Int8)]
    [InlineData(ElementType.Int16)]
    [InlineData(ElementType.UInt32)]
    [InlineData(ElementType.UInt64)]
    public void Any_wrong_byte_is_found(ElementType type)
    {
        IReadOnlyList<Stretch> stretches = [Stretch.Of(1, Count / 2), Stretch.Sum(3, Count / 2)];
        var memory = Filled(type, stretches);
        Assert.True(Holds(memory, type, stretches));
        foreach (var at in (int[])[0, memory.Length / 2, memory.Length - 1])
        {
            memory[at] ^= 1;
            Assert.False(Holds(memory, type, stretches));
            memory[at] ^= 1;
        }
    }

    [Fact]
    public void Elements_that_moved_by_a_chunk_are_found()
    {
        var memory = Filled(ElementType.Float32, [Stretch.Of(0, Count)]);
        byte[] moved = [.. memory[4096..], .. memory[..4096]];
        Assert.False(Holds(moved, ElementType.Float32, [Stretch.Of(0, Count)]));
    }

    private static byte[] Filled(ElementType type, IReadOnlyList<Stretch> stretches)
    {
        var memory = new byte[stretches.Sum(s => s.Count) * type.Size()];
        fixed (byte* start = memory)
        {
            Pattern.Fill(start, type, stretches);
        }
        return memory;
    }

    private static float[] Floats(IReadOnlyList<Stretch> stretches) =>
        MemoryMarshal.Cast<byte, float>(Filled(ElementType.Float32, stretches)).ToArray();

    private static bool Holds(byte[] memory, ElementType type, IReadOnlyList<Stretch> stretches)
    {
        fixed (byte* start = memory)
        {
            return Pattern.IsIn(start, type, stretches);
        }
    }
}
