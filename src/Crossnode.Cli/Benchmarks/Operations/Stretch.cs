namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>A run of elements: small whole numbers that repeat, so that every type holds them exactly and every order of
/// summing gives the same.</summary>
/// <param name="Count">How many elements.</param>
/// <param name="Start">The place in the sequence of the first one.</param>
/// <param name="Times">What the repeating number is multiplied by.</param>
/// <param name="Plus">What is added then.</param>
internal readonly record struct Stretch(long Count, long Start, int Times, int Plus)
{
    /// <summary>What a rank brings: the sequence, with the rank in it.</summary>
    public static Stretch Of(int rank, long count) => new(count, Start: 0, Times: 1, rank + 1);

    /// <summary>The sum of what all ranks bring.</summary>
    public static Stretch Sum(int world, long count) => new(count, Start: 0, world, world * (world + 1) / 2);

    /// <summary>One of the equal blocks of this, by number.</summary>
    public Stretch Block(int number, int world) => this with { Count = Count / world, Start = Start + (Count / world * number) };

    /// <summary>The element at a place of the sequence, where it repeats after <paramref name="period"/> elements.</summary>
    public int At(long place, int period) => Times * (int)(place % period) + Plus;
}
