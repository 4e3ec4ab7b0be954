using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Plans;

/// <summary>One member's program for an operation, whatever the number of elements: its moves, and what each waits for.</summary>
/// <remarks>
/// Moves to one member go out in the order of the program, and come in it. Besides that a move waits for those before it
/// that touch the same blocks: a send for what was received into them, a receive for that and for what is still to be
/// sent from them. All of it holds byte for byte, so chunks of one move may overtake the rest of an earlier one.
/// </remarks>
internal sealed class RankPlan
{
    /// <summary>Makes a program.</summary>
    /// <param name="blockCount">Into how many blocks the buffer is cut.</param>
    /// <param name="moves">The moves in order.</param>
    /// <param name="isCollected">The blocks that this member has lie in its memory for results from the start.</param>
    public RankPlan(int blockCount, IReadOnlyList<Move> moves, bool isCollected = false)
    {
        BlockCount = blockCount;
        Moves = [.. moves];
        IsCollected = isCollected;
        Awaited = new int[Moves.Length][];
        ReadsSource = new bool[Moves.Length];
        AddsOwn = new bool[Moves.Length];
        FindDependencies();
        IsLeftAlone = FindLeftAlone();
        (Sources, ReceivesFrom) = Group(static move => !move.IsSend);
        (Targets, SendsTo) = Group(static move => move.IsSend);
    }

    public int BlockCount { get; }

    public Move[] Moves { get; }

    public bool IsCollected { get; }

    /// <summary>For each move, the earlier ones that it waits for.</summary>
    public int[][] Awaited { get; }

    /// <summary>For each send, whether its bytes are this member's own part.</summary>
    public bool[] ReadsSource { get; }

    /// <summary>For each reduction, whether this member's own part comes in with it.</summary>
    public bool[] AddsOwn { get; }

    /// <summary>For each move, whether no later one touches its blocks.</summary>
    public bool[] IsLeftAlone { get; }

    /// <summary>The ranks that send to this member, ascending.</summary>
    public int[] Sources { get; }

    /// <summary>The ranks that this member sends to, ascending.</summary>
    public int[] Targets { get; }

    /// <summary>For each source the moves that come from it, in order.</summary>
    public int[][] ReceivesFrom { get; }

    /// <summary>For each target the moves that go to it, in order.</summary>
    public int[][] SendsTo { get; }

    private bool[] FindLeftAlone()
    {
        var isTouched = new bool[BlockCount];
        var isLeftAlone = new bool[Moves.Length];
        for (var index = Moves.Length - 1; index >= 0; index--)
        {
            var blocks = isTouched.AsSpan(Moves[index].FirstBlock, Moves[index].BlockCount);
            isLeftAlone[index] = !blocks.Contains(true);
            blocks.Fill(true);
        }

        return isLeftAlone;
    }

    private void FindDependencies()
    {
        var writer = new int[BlockCount];
        var readers = new List<int>[BlockCount];
        Array.Fill(writer, -1);
        for (var index = 0; index < Moves.Length; index++)
        {
            var move = Moves[index];
            var awaited = new SortedSet<int>();
            var untouched = 0;
            for (var block = move.FirstBlock; block < move.EndBlock; block++)
            {
                if (writer[block] >= 0)
                {
                    awaited.Add(writer[block]);
                }
                else
                {
                    untouched++;
                }

                if (!move.IsSend)
                {
                    awaited.UnionWith(readers[block] ?? []);
                }
            }

            Invariant.Check(untouched == 0 || untouched == move.BlockCount || IsCollected, "a move has blocks of two kinds");
            ReadsSource[index] = move.IsSend && untouched > 0 && !IsCollected;
            AddsOwn[index] = move.IsReduction && untouched > 0;
            Awaited[index] = [.. awaited];
            Touch(index, move, writer, readers);
        }
    }

    private void Touch(int index, in Move move, int[] writer, List<int>[] readers)
    {
        for (var block = move.FirstBlock; block < move.EndBlock; block++)
        {
            if (!move.IsSend)
            {
                writer[block] = index;
                readers[block] = [];
            }
            else if (!ReadsSource[index])
            {
                (readers[block] ??= []).Add(index);
            }
        }
    }

    private (int[] Ranks, int[][] Moves) Group(Func<Move, bool> isWanted)
    {
        var groups = Enumerable.Range(0, Moves.Length)
            .Where(index => isWanted(Moves[index]))
            .GroupBy(index => Moves[index].Peer)
            .OrderBy(group => group.Key)
            .ToList();
        return ([.. groups.Select(group => group.Key)], [.. groups.Select(group => group.ToArray())]);
    }
}
