using Crossnode.Cli.Configuration;
using Crossnode.Collectives;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>One call of an operation, as a rank makes it.</summary>
/// <param name="World">The number of processes.</param>
/// <param name="Rank">Which of them this one is.</param>
/// <param name="Count">Elements of the whole operation.</param>
/// <param name="Source">What this rank brings; no memory where that is nothing.</param>
/// <param name="Target">Where the result goes; when in place the same memory, or the one is this rank's block of the other.</param>
/// <param name="Codec">How elements travel, where the operation reduces.</param>
internal readonly record struct OperationCall(int World, int Rank, long Count, TensorBuffer Source, TensorBuffer Target, Codec Codec)
{
    /// <summary>Rank 0, whose clock counts: it waits for all that comes.</summary>
    public static MemberId First => new(0);

    /// <summary>The last rank: rank 0 then waits for what comes from there.</summary>
    public MemberId Last => new((uint)World - 1);
}

/// <summary>What crossnode bench knows about an operation: a new one is one more entry of <see cref="All"/>.</summary>
internal sealed record BenchOperation
{
    /// <summary>What people call it.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes that cross a link for each byte of the operation: what makes bandwidths of operations and worlds comparable.</summary>
    public required Func<int, double> BusFactor { get; init; }

    /// <summary>Describes the call to the library.</summary>
    public required Func<OperationCall, OperationGroup> Build { get; init; }

    /// <summary>What the source holds before, by world, rank and count; it is as large as that.</summary>
    public required Func<int, int, long, IReadOnlyList<Stretch>> Before { get; init; }

    /// <summary>What the target holds after, by world, rank and count; it is as large as that.</summary>
    public required Func<int, int, long, IReadOnlyList<Stretch>> After { get; init; }

    /// <summary>Whether it may read from one buffer and write to another.</summary>
    public bool HasTwoBuffers { get; init; } = true;

    /// <summary>Whether it moves elements at all.</summary>
    public bool HasBytes { get; init; } = true;

    /// <summary>Whether each rank has a block, all of one size.</summary>
    public bool HasBlocks { get; init; }

    /// <summary>Whether its elements may travel in other ways than as they lie in memory.</summary>
    public bool HasCodecs { get; init; }

    /// <summary>The operations, the one that is measured by default first.</summary>
    public static IReadOnlyList<BenchOperation> All { get; } =
    [
        new()
        {
            Name = "all-reduce",
            BusFactor = world => 2.0 * (world - 1) / world,
            Build = call => new OperationGroup().AllReduce(call.Source, call.Target, ReduceOperator.Sum, call.Codec),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, _, count) => [Stretch.Sum(world, count)],
            HasCodecs = true,
        },
        new()
        {
            Name = "broadcast",
            BusFactor = _ => 1,
            Build = call => new OperationGroup().Broadcast(call.Target, call.Last),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, _, count) => [Stretch.Of(world - 1, count)],
            HasTwoBuffers = false,
        },
        new()
        {
            Name = "reduce",
            BusFactor = _ => 1,
            Build = call => new OperationGroup().Reduce(call.Source, call.Target, ReduceOperator.Sum, OperationCall.First),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, rank, count) => rank == 0 ? [Stretch.Sum(world, count)] : [],
        },
        new()
        {
            Name = "reduce-scatter",
            BusFactor = AllButOwn,
            Build = call => new OperationGroup().ReduceScatter(call.Source, call.Target, ReduceOperator.Sum, codec: call.Codec),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, rank, count) => [Stretch.Sum(world, count).Block(rank, world)],
            HasBlocks = true,
            HasCodecs = true,
        },
        new()
        {
            Name = "all-gather",
            BusFactor = AllButOwn,
            Build = call => new OperationGroup().AllGather(call.Source, call.Target),
            Before = (world, rank, count) => [Stretch.Of(rank, count).Block(rank, world)],
            After = (world, _, count) => OfAll(world, from => Stretch.Of(from, count).Block(from, world)),
            HasBlocks = true,
        },
        new()
        {
            Name = "scatter",
            BusFactor = _ => 1,
            Build = call => new OperationGroup().Scatter(call.Source, call.Target, call.Last),
            Before = (world, rank, count) => rank == world - 1 ? [Stretch.Of(rank, count)] : [],
            After = (world, rank, count) => [Stretch.Of(world - 1, count).Block(rank, world)],
            HasBlocks = true,
        },
        new()
        {
            Name = "gather",
            BusFactor = _ => 1,
            Build = call => new OperationGroup().Gather(call.Source, call.Target, OperationCall.First),
            Before = (world, rank, count) => [Stretch.Of(rank, count).Block(rank, world)],
            After = (world, rank, count) => rank == 0 ? OfAll(world, from => Stretch.Of(from, count).Block(from, world)) : [],
            HasBlocks = true,
        },
        new()
        {
            Name = "all-to-all",
            BusFactor = AllButOwn,
            Build = call => new OperationGroup().AllToAll(call.Source, call.Target),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, rank, count) => OfAll(world, from => Stretch.Of(from, count).Block(rank, world)),
            HasBlocks = true,
        },
        new()
        {
            Name = "send-receive",
            BusFactor = _ => 1,
            Build = call => new OperationGroup().SendReceive(call.Target, call.Last, OperationCall.First),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, rank, count) => [Stretch.Of(rank == 0 ? world - 1 : rank, count)],
            HasTwoBuffers = false,
        },
        new()
        {
            Name = "barrier",
            BusFactor = _ => 0,
            Build = _ => new OperationGroup(),
            Before = (_, _, _) => [],
            After = (_, _, _) => [],
            HasTwoBuffers = false,
            HasBytes = false,
        },
    ];

    /// <summary>The operation of a name.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static BenchOperation Named(string name) =>
        All.FirstOrDefault(operation => operation.Name == name)
        ?? throw new UsageException(
            $"crossnode bench knows no operation '{name}'{Spelling.DidYouMean(name, All.Select(o => o.Name))} There are {string.Join(", ", All.Select(o => o.Name))}.");

    private static double AllButOwn(int world) => (world - 1.0) / world;

    private static Stretch[] OfAll(int world, Func<int, Stretch> from) => [.. Enumerable.Range(0, world).Select(from)];
}
