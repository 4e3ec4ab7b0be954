using Crossnode.Core;

namespace Crossnode.Training.Joining;

/// <summary>Members show one another hashes of their states in one all-reduce: each fills its own place, all see all.</summary>
/// <remarks>
/// A hash travels as eight 16-bit pieces, each a 64-bit float: a sum with the others' zeros changes no bit. The vector has
/// one place for each participant, in their order.
/// </remarks>
public static class HashVote
{
    /// <summary>Numbers that one participant takes.</summary>
    public const int Width = 8;

    /// <summary>The vector with this participant's hash in its place, and zeros elsewhere.</summary>
    public static double[] Ballot(int participants, int own, StateHash hash)
    {
        var values = new double[participants * Width];
        for (var piece = 0; piece < Width; piece++)
        {
            var word = piece < Width / 2 ? hash.High : hash.Low;
            values[(own * Width) + piece] = (ushort)(word >> (16 * (piece % (Width / 2))));
        }

        return values;
    }

    /// <summary>The hash in a participant's place of the sum.</summary>
    public static StateHash At(ReadOnlySpan<double> sum, int participant)
    {
        ulong high = 0, low = 0;
        for (var piece = 0; piece < Width / 2; piece++)
        {
            high |= (ulong)(ushort)sum[(participant * Width) + piece] << (16 * piece);
            low |= (ulong)(ushort)sum[(participant * Width) + (Width / 2) + piece] << (16 * piece);
        }

        return new StateHash(high, low);
    }

    /// <summary>The hash that most of the voters hold; of equally frequent ones the one of the first voter.</summary>
    public static StateHash Majority(ReadOnlySpan<double> sum, IReadOnlyList<int> voters)
    {
        ArgumentNullException.ThrowIfNull(voters);
        var counts = new Dictionary<StateHash, int>();
        var best = default(StateHash);
        foreach (var voter in voters)
        {
            var hash = At(sum, voter);
            counts[hash] = counts.GetValueOrDefault(hash) + 1;
        }

        var most = 0;
        foreach (var voter in voters)
        {
            var hash = At(sum, voter);
            if (counts[hash] > most)
            {
                (best, most) = (hash, counts[hash]);
            }
        }

        return best;
    }
}
