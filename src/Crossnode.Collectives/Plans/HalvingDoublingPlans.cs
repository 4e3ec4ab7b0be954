namespace Crossnode.Collectives.Plans;

/// <summary>Programs in which partners lie twice, or half, as far apart in each step.</summary>
/// <remarks>
/// Rabenseifner 2004; Thakur, Rabenseifner and Gropp 2005. Where the world size is no power of two, each of the first
/// pairs of members acts as one: the even one gives all it has to the odd one, and gets the result.
/// </remarks>
internal static class HalvingDoublingPlans
{
    private const int FoldStep = 0;
    private const int UnfoldStep = 1;
    private const int FirstStep = 2;

    /// <summary>2 log2 W steps, 2(W-1)/W of the buffer sent by each of a power of two of members.</summary>
    public static RankPlan AllReduce(int worldSize, int rank)
    {
        var fold = new Fold(worldSize, rank);
        var blocks = fold.Actors;
        var moves = fold.Begin(blocks, isWhole: fold.Actors == 1);
        if (fold.IsActor)
        {
            var (first, count, step) = (0, blocks, FirstStep);
            for (var distance = blocks / 2; distance > 0; distance /= 2, step++)
            {
                count /= 2;
                var isUpper = (fold.Actor & distance) != 0;
                var (kept, given) = isUpper ? (first + count, first) : (first, first + count);
                var partner = fold.RankOf(fold.Actor ^ distance);
                moves.Add(new Move(MoveKind.Send, partner, step, given, count));
                moves.Add(new Move(distance > 1 ? MoveKind.Reduce : MoveKind.ReduceLast, partner, step, kept, count));
                first = kept;
            }

            for (var distance = 1; distance < blocks; distance *= 2, step++)
            {
                var other = (first ^ distance) & ~(distance - 1);
                var partner = fold.RankOf(fold.Actor ^ distance);
                moves.Add(new Move(MoveKind.SendResult, partner, step, first, distance));
                moves.Add(new Move(MoveKind.Receive, partner, step, other, distance));
                first &= ~distance;
            }
        }

        moves.AddRange(fold.End(blocks));
        return new RankPlan(blocks, moves);
    }

    /// <summary>Recursive doubling: log2 W steps, in each of which a member sends the whole buffer. Least latency.</summary>
    /// <remarks>Both partners compute the same sums, since additions commute to the bit; so it takes no codec,
    /// and no averages of types in which a weighted part is rounded before it is sent.</remarks>
    public static RankPlan Exchange(int worldSize, int rank)
    {
        var fold = new Fold(worldSize, rank);
        var moves = fold.Begin(blocks: 1, isWhole: fold.Actors == 1);
        if (fold.IsActor)
        {
            for (var (distance, step) = (1, FirstStep); distance < fold.Actors; distance *= 2, step++)
            {
                var partner = fold.RankOf(fold.Actor ^ distance);
                moves.Add(new Move(MoveKind.Send, partner, step, 0));
                moves.Add(new Move(2 * distance < fold.Actors ? MoveKind.Reduce : MoveKind.ReduceLast, partner, step, 0));
            }
        }

        moves.AddRange(fold.End(blocks: 1));
        return new RankPlan(1, moves);
    }

    /// <summary>Who acts, when the members are no power of two.</summary>
    private readonly struct Fold
    {
        private readonly int _pairs;

        public Fold(int worldSize, int rank)
        {
            Actors = 1 << (int)Math.Log2(worldSize);
            _pairs = worldSize - Actors;
            Rank = rank;
            IsPaired = rank < 2 * _pairs;
            IsActor = !IsPaired || rank % 2 == 1;
            Actor = IsPaired ? rank / 2 : rank - _pairs;
        }

        public int Actors { get; }

        public int Actor { get; }

        public bool IsActor { get; }

        private int Rank { get; }

        private bool IsPaired { get; }

        public int RankOf(int actor) => actor < _pairs ? (2 * actor) + 1 : actor + _pairs;

        public List<Move> Begin(int blocks, bool isWhole) => !IsPaired ? []
            : IsActor ? [new Move(isWhole ? MoveKind.ReduceLast : MoveKind.Reduce, Rank - 1, FoldStep, 0, blocks)]
            : [new Move(MoveKind.Send, Rank + 1, FoldStep, 0, blocks)];

        public List<Move> End(int blocks) => !IsPaired ? []
            : IsActor ? [new Move(MoveKind.SendResult, Rank - 1, UnfoldStep, 0, blocks)]
            : [new Move(MoveKind.Receive, Rank + 1, UnfoldStep, 0, blocks)];
    }
}
