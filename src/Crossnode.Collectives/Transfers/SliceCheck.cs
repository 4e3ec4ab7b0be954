using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>Compares the slices that arrive with those that the plan has.</summary>
internal static class SliceCheck
{
    /// <summary>Throws unless the slice is exactly the expected one.</summary>
    public static void Same(int rank, in Slice expected, in Slice got)
    {
        if (got != expected)
        {
            throw new ProtocolException($"rank {rank} sent {got}, but {expected} was expected");
        }
    }

    /// <summary>Throws unless the weight is one that weights can sum to.</summary>
    public static void Weight(int rank, in Slice got)
    {
        if (!double.IsFinite(got.WeightSum) || got.WeightSum < 0)
        {
            throw new ProtocolException($"rank {rank} sent {got}, but a finite weight of at least 0 was expected");
        }
    }

    /// <summary>Throws because the plan has no further slice.</summary>
    public static void None(int rank, in Slice got) =>
        throw new ProtocolException($"rank {rank} sent {got}, but nothing more was expected");
}
