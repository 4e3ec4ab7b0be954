using System.Diagnostics;
using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Core;

/// <summary>Runs operations one after another, each with another case: the number says which, so that members always agree.</summary>
/// <remarks>Numbers are consumed alike everywhere: an operation whose shape or root belongs to a view that has ended is aborted
/// on all members, and the next one is called as the view then is.</remarks>
internal sealed class OperationLoop(Session session, IReadOnlyList<OperationCase> cases, int whole, OperationDeath? death)
{
    private const int BlocksInWhole = 4;

    private readonly int _block = whole / BlocksInWhole;
    private readonly float[] _source = new float[whole];
    private readonly float[] _target = new float[whole];
    private readonly Dictionary<OperationCase, TimeSpan> _durations = [];

    /// <summary>Runs the operations up to a number; not 0 when something was wrong.</summary>
    public int Run(int last)
    {
        for (var number = (int)session.NextSequence(0); number <= last; number++)
        {
            if (RunOne(number, cases[(number - 1) % cases.Count]) is not 0 and var broken)
            {
                return broken;
            }
        }

        return 0;
    }

    private int RunOne(int number, OperationCase one)
    {
        var view = session.View;
        var (members, rank) = (view.Members, view.Rank);
        var before = one.Before(members, rank, whole, _block);
        var (brought, gotten) = (CountOf(before), CountOf(one.After(members, rank, whole, _block)));
        var source = one.IsInPlace ? InPlace(brought, gotten, rank) : _source.AsMemory(0, brought);
        var target = one.IsInPlace ? InPlace(gotten, brought, rank) : _target.AsMemory(0, gotten);

        // What an operation before left there must not pass for a result.
        Array.Fill(_target, float.NaN);
        Fill(source.Span, before, number);
        var group = one.Build(BufferOf(source), BufferOf(target), members);
        if (death?.Number == number)
        {
            death.Await(_durations.GetValueOrDefault(one));
        }

        var start = Stopwatch.GetTimestamp();
        var outcome = session.Run(group, new OperationOptions { Algorithm = one.Algorithm });
        _durations[one] = Stopwatch.GetElapsedTime(start);
        if (outcome.Status != OperationStatus.Completed)
        {
            Console.WriteLine($"{(one.AlwaysCompletes ? "failed" : "aborted")} {number} {one}: {outcome.Error?.Message}");
            return Verify(source.Span, before, number, $"input of {one} after the abort", members) + (one.AlwaysCompletes ? 4 : 0);
        }

        // The blocks of an all-to-all follow from the view in which it ended, where they come out even.
        var block = one.Operation == "all-to-all" ? brought / outcome.Members.Count : _block;
        var after = one.After(outcome.Members, RankIn(outcome.Members), whole, block);
        var broken = Verify(target.Span, after, number, one.ToString(), outcome.Members)
            + (one.IsInPlace ? 0 : Verify(source.Span, before, number, $"source of {one}", members));
        if (broken == 0)
        {
            Console.WriteLine($"ok {number} {string.Join(',', outcome.Members.Select(member => member.Value))} {one}");
        }

        return broken;
    }

    private static int Verify(ReadOnlySpan<float> values, Piece[] pieces, int number, string what, IReadOnlyList<MemberId> members)
    {
        var at = 0;
        if (CountOf(pieces) != values.Length)
        {
            Console.WriteLine($"WRONG size of {what}, operation {number} among {string.Join(',', members)}");
            return 3;
        }

        foreach (var piece in pieces)
        {
            for (var index = 0; index < piece.Count; index++, at++)
            {
                var expected = Sum(piece.Members, number, piece.Start + index);
                if (values[at] != expected)
                {
                    Console.WriteLine($"WRONG {what}, operation {number} among {string.Join(',', members)}, at {at}: {values[at]}, expected {expected}");
                    return 3;
                }
            }
        }

        return 0;
    }

    private static void Fill(Span<float> values, Piece[] pieces, int number)
    {
        var at = 0;
        foreach (var piece in pieces)
        {
            for (var index = 0; index < piece.Count; index++)
            {
                values[at++] = Sum(piece.Members, number, piece.Start + index);
            }
        }
    }

    private static float Sum(IReadOnlyList<MemberId> members, int number, int index)
    {
        var sum = 0f;
        for (var member = 0; member < members.Count; member++)
        {
            sum += Values.Of(members[member].Value, number, index);
        }

        return sum;
    }

    private static int CountOf(Piece[] pieces) => pieces.Sum(piece => piece.Count);

    private static TensorBuffer BufferOf(Memory<float> memory) => memory.IsEmpty ? default : TensorBuffer.From(memory);

    // The smaller one is this member's block of the larger.
    private Memory<float> InPlace(int count, int other, int rank) => _target.AsMemory(count > 0 && count < other ? rank * count : 0, count);

    private int RankIn(IReadOnlyList<MemberId> members)
    {
        var rank = 0;
        while (members[rank] != session.Self)
        {
            rank++;
        }

        return rank;
    }
}
