using Crossnode.Core;

namespace Crossnode.Collectives;

/// <summary>Operations and operators in the field's words, for error texts.</summary>
internal static class OperationNames
{
    public static string Of(CollectiveKind kind) => kind switch
    {
        CollectiveKind.Barrier => "barrier",
        CollectiveKind.AllReduce => "all-reduce",
        CollectiveKind.Broadcast => "broadcast",
        CollectiveKind.Reduce => "reduce",
        CollectiveKind.ReduceScatter => "reduce-scatter",
        CollectiveKind.AllGather => "all-gather",
        CollectiveKind.Scatter => "scatter",
        CollectiveKind.Gather => "gather",
        CollectiveKind.AllToAll => "all-to-all",
        CollectiveKind.SendReceive => "send",
        _ => $"kind {(byte)kind}",
    };

    public static string Of(ReduceOperator reduce) => reduce switch
    {
        ReduceOperator.None => "none",
        ReduceOperator.Sum => "sum",
        ReduceOperator.Average => "average",
        ReduceOperator.Min => "min",
        ReduceOperator.Max => "max",
        ReduceOperator.Product => "product",
        _ => $"operator {(byte)reduce}",
    };
}
