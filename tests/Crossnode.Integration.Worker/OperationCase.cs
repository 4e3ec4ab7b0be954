using Crossnode.Collectives;
using Crossnode.Core;

/// <summary>Elements that lie one after another: of each the sum, over some members, of what those have there.</summary>
internal readonly record struct Piece(IReadOnlyList<MemberId> Members, int Start, int Count);

/// <summary>One operation, the way it goes, and whether source and target share memory; written as all-gather:direct:in.</summary>
internal sealed record OperationCase(string Operation, Algorithm Algorithm, bool IsInPlace)
{
    private static readonly Dictionary<string, Algorithm[]> Ways = new()
    {
        ["all-reduce"] = [Algorithm.Ring, Algorithm.HalvingDoubling, Algorithm.Exchange, Algorithm.Tree, Algorithm.Direct],
        ["reduce"] = [Algorithm.Tree, Algorithm.Direct],
        ["reduce-scatter"] = [Algorithm.Ring, Algorithm.Tree, Algorithm.Direct],
        ["all-gather"] = [Algorithm.Ring, Algorithm.Tree, Algorithm.Direct],
        ["broadcast"] = [Algorithm.Ring, Algorithm.Tree, Algorithm.Direct],
        ["scatter"] = [Algorithm.Tree, Algorithm.Direct],
        ["gather"] = [Algorithm.Tree, Algorithm.Direct],
        ["all-to-all"] = [Algorithm.Tree, Algorithm.Direct],
        ["send-receive"] = [Algorithm.Tree, Algorithm.Direct],
        ["barrier"] = [Algorithm.Auto],
    };

    /// <summary>All of them, in an order that every member knows.</summary>
    public static IReadOnlyList<OperationCase> All { get; } =
    [
        .. from way in Ways
           from algorithm in way.Value
           from isInPlace in way.Key is "broadcast" or "send-receive" or "barrier" ? [true] : new[] { false, true }
           select new OperationCase(way.Key, algorithm, isInPlace),
    ];

    /// <summary>Whether it goes on with fewer members as it was called: with no shape or root that a loss could take away.</summary>
    public bool AlwaysCompletes => Operation is "all-reduce" or "barrier";

    /// <summary>What this member has before; the source is as large as that.</summary>
    /// <param name="members">The view.</param>
    /// <param name="rank">This member's place in it.</param>
    /// <param name="whole">Elements where there are no blocks.</param>
    /// <param name="block">Elements of a block.</param>
    public Piece[] Before(IReadOnlyList<MemberId> members, int rank, int whole, int block)
    {
        MemberId[] self = [members[rank]];
        return Operation switch
        {
            "reduce-scatter" or "all-to-all" => [new(self, 0, block * members.Count)],
            "all-gather" or "gather" => [new(self, 0, block)],
            "scatter" => rank == 0 ? [new(self, 0, block * members.Count)] : [],
            "barrier" => [],
            _ => [new(self, 0, whole)],
        };
    }

    /// <summary>What this member has after; the target is as large as that. The root is the lowest member, and the highest sends.</summary>
    public Piece[] After(IReadOnlyList<MemberId> members, int rank, int whole, int block) => Operation switch
    {
        "all-reduce" => [new(members, 0, whole)],
        "reduce" => rank == 0 ? [new(members, 0, whole)] : [],
        "reduce-scatter" => [new(members, rank * block, block)],
        "all-gather" => OfEach(members, 0, block),
        "broadcast" => [new([members[0]], 0, whole)],
        "scatter" => [new([members[0]], rank * block, block)],
        "gather" => rank == 0 ? OfEach(members, 0, block) : [],
        "all-to-all" => OfEach(members, rank * block, block),
        "send-receive" => [new([members[rank == 0 ? members.Count - 1 : rank]], 0, whole)],
        _ => [],
    };

    /// <summary>The call.</summary>
    public OperationGroup Build(in TensorBuffer source, in TensorBuffer target, IReadOnlyList<MemberId> members) => Operation switch
    {
        "all-reduce" => new OperationGroup().AllReduce(source, target, ReduceOperator.Sum),
        "reduce" => new OperationGroup().Reduce(source, target, ReduceOperator.Sum, members[0]),
        "reduce-scatter" => new OperationGroup().ReduceScatter(source, target, ReduceOperator.Sum),
        "all-gather" => new OperationGroup().AllGather(source, target),
        "broadcast" => new OperationGroup().Broadcast(target, members[0]),
        "scatter" => new OperationGroup().Scatter(source, target, members[0]),
        "gather" => new OperationGroup().Gather(source, target, members[0]),
        "all-to-all" => new OperationGroup().AllToAll(source, target),
        "send-receive" => new OperationGroup().SendReceive(target, members[^1], members[0]),
        _ => new OperationGroup(),
    };

    /// <inheritdoc />
    public override string ToString() => $"{Operation}:{Algorithm}:{(IsInPlace ? "in" : "out")}";

    private static Piece[] OfEach(IReadOnlyList<MemberId> members, int start, int count) =>
        [.. members.Select(member => new Piece([member], start, count))];
}
