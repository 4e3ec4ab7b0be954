using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>What is said of chunks that the plan does not have.</summary>
internal static class SliceCheck
{
    /// <summary>Throws unless the slice has the length that its chunk has.</summary>
    public static void Length(int rank, in Slice got, int expected)
    {
        if (got.Length != expected)
        {
            throw new ProtocolException($"rank {rank} sent {got}, but a chunk of {expected} bytes was expected");
        }
    }

    /// <summary>Throws unless the weight is one that weights can sum to, and the one that other chunks of the step had.</summary>
    public static void Weight(int rank, in Slice got, double expected)
    {
        if (!double.IsFinite(got.WeightSum) || got.WeightSum < 0)
        {
            throw new ProtocolException($"rank {rank} sent {got}, but a finite weight of at least 0 was expected");
        }

        if (!double.IsNaN(expected) && got.WeightSum != expected)
        {
            throw new ProtocolException($"rank {rank} sent {got}, but a weight of {expected:R} was expected");
        }
    }

    /// <summary>Throws because the plan has no such chunk from that member, or it has come already.</summary>
    public static void None(int rank, in Slice got) =>
        throw new ProtocolException($"rank {rank} sent {got}, but nothing more was expected, or another step");
}
