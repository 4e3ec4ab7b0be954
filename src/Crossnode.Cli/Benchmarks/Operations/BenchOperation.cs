using Crossnode.Cli.Configuration;
using Crossnode.Collectives;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>One call of an operation, as a rank makes it.</summary>
/// <param name="World">The number of processes.</param>
/// <param name="Rank">Which of them this one is.</param>
/// <param name="Count">Elements of the whole operation.</param>
/// <param name="Source">What this rank brings.</param>
/// <param name="Target">Where the result goes; the same memory when in place.</param>
internal readonly record struct OperationCall(int World, int Rank, long Count, TensorBuffer Source, TensorBuffer Target);

/// <summary>What crossnode bench knows about an operation: a new one is one more entry of <see cref="All"/>.</summary>
internal sealed record BenchOperation
{
    /// <summary>What people call it.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes that cross a link for each byte of the operation: what makes bandwidths of operations and worlds comparable.</summary>
    public required Func<int, double> BusFactor { get; init; }

    /// <summary>Describes the call to the library.</summary>
    public required Func<OperationCall, OperationGroup> Build { get; init; }

    /// <summary>What the source holds before, by world, rank and count.</summary>
    public required Func<int, int, long, IReadOnlyList<Stretch>> Before { get; init; }

    /// <summary>What the target holds after, by world, rank and count.</summary>
    public required Func<int, int, long, IReadOnlyList<Stretch>> After { get; init; }

    /// <summary>Whether it may read from one buffer and write to another.</summary>
    public bool HasTwoBuffers { get; init; } = true;

    /// <summary>Whether it moves elements at all.</summary>
    public bool HasBytes { get; init; } = true;

    /// <summary>The operations, the one that is measured by default first.</summary>
    public static IReadOnlyList<BenchOperation> All { get; } =
    [
        new()
        {
            Name = "all-reduce",
            BusFactor = world => 2.0 * (world - 1) / world,
            Build = call => new OperationGroup().AllReduce(call.Source, call.Target, ReduceOperator.Sum),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, _, count) => [Stretch.Sum(world, count)],
        },
        new()
        {
            Name = "broadcast",
            BusFactor = _ => 1,
            // From the last rank: rank 0, whose clock counts, then waits for what comes.
            Build = call => new OperationGroup().Broadcast(call.Target, new MemberId((uint)call.World - 1)),
            Before = (_, rank, count) => [Stretch.Of(rank, count)],
            After = (world, _, count) => [Stretch.Of(world - 1, count)],
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
}
