using Crossnode.Collectives;
using Crossnode.Core;

namespace Crossnode.Simulation.Schedules;

/// <summary>Everything that a seed decides beforehand.</summary>
internal sealed record Schedule
{
    public required long Seed { get; init; }

    /// <summary>How many processes make the first view.</summary>
    public required int Members { get; init; }

    /// <summary>How many come later: first those that join, then those that are started again.</summary>
    public required int Joins { get; init; }

    public required int Restarts { get; init; }

    /// <summary>All processes that there will be; members come first.</summary>
    public int Processes => Members + Joins + Restarts;

    public required TagScript[] Tags { get; init; }

    public required Fault[] Faults { get; init; }

    /// <summary>How many members stay to the end at least.</summary>
    public required int Survivors { get; init; }

    public required int ChunkBytes { get; init; }

    public required int EagerBytes { get; init; }

    public required int EagerWindowBytes { get; init; }

    public required int MaxInFlightPerTag { get; init; }

    /// <summary>Bytes that a connection takes before it blocks, and the payload that is copied behind its header.</summary>
    public required int WindowBytes { get; init; }

    public required int SmallPayload { get; init; }

    public required int PieceBytes { get; init; }

    public required long LatencyTicks { get; init; }

    public required int JitterPercent { get; init; }

    public required long TicksPerByte { get; init; }

    public required int MinMembers { get; init; }

    /// <summary>Whether all members leave in the end.</summary>
    public required bool AllLeave { get; init; }
}

/// <summary>One sequence of operations.</summary>
internal sealed record TagScript
{
    public required uint Tag { get; init; }

    public required OnViewChange OnViewChange { get; init; }

    public required OperationScript[] Operations { get; init; }

    /// <summary>By process: how many of its operations it lets run at once.</summary>
    public required int[] Depth { get; set; }

    /// <summary>By process: how many it calls; fewer than all for one that leaves.</summary>
    public required int[] Calls { get; set; }
}

/// <summary>One operation as the members call it.</summary>
internal sealed record OperationScript
{
    public required PartScript[] Parts { get; init; }

    /// <summary>By process: the pause before the call.</summary>
    public required long[] Think { get; set; }

    public required double[] Weights { get; set; }

    /// <summary>By process, one bit each: whether it works in place.</summary>
    public required int InPlace { get; set; }

    /// <summary>By process: an operation of the first tag that must be over before the call; -1 for none.</summary>
    public int[]? After { get; set; }

    /// <summary>Who calls something else (-1: nobody), and what.</summary>
    public int MismatchedAt { get; set; } = -1;

    public PartScript[]? MismatchedParts { get; set; }

    /// <summary>Who gives up (-1: nobody), and after how long.</summary>
    public int DeadlineAt { get; set; } = -1;

    public long DeadlineTicks { get; set; }

    /// <summary>Who calls only when that member has given up (-1: nobody).</summary>
    public int HeldBackAt { get; set; } = -1;
}

/// <summary>One buffer.</summary>
internal readonly record struct PartScript(CollectiveKind Kind, ElementType Type, ReduceOperator Reduce, int Count, int Root)
{
    public int Bytes => Count * Type.Size();

    public override string ToString() => Kind == CollectiveKind.Broadcast
        ? $"broadcast of {Count} {Type.Name()} from {Root}"
        : $"{Reduce} of {Count} {Type.Name()}";
}
