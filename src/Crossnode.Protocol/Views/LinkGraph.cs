using System.Text;

namespace Crossnode.Protocol.Views;

/// <summary>Which pairs of a view's members have a link. Immutable; a pair is linked in both directions or not at all.</summary>
/// <remarks>Rings, trees and barriers follow from it alone, so every member that has the view has the same plans.</remarks>
public sealed class LinkGraph : IEquatable<LinkGraph>
{
    /// <summary>The parent of a member that <see cref="BreadthFirstTree"/> could not reach.</summary>
    public const int Unreachable = int.MinValue;

    private readonly ulong[] _bits;
    private readonly int _wordsPerRank;

    private LinkGraph(int count, ulong[] bits)
    {
        Count = count;
        _bits = bits;
        _wordsPerRank = WordsFor(count);
        IsComplete = CountLinks() == (long)count * (count - 1) / 2;
    }

    /// <summary>The number of members.</summary>
    public int Count { get; }

    /// <summary>Whether every pair has a link.</summary>
    public bool IsComplete { get; }

    /// <summary>Whether every member reaches every other over links.</summary>
    public bool IsConnected => !BreadthFirstTree(0).Contains(Unreachable);

    /// <summary>The graph in which every pair of <paramref name="count"/> members has a link.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no member.</exception>
    public static LinkGraph Complete(int count)
    {
        var bits = EmptyBits(count);
        for (var a = 0; a < count; a++)
        {
            for (var b = 0; b < count; b++)
            {
                if (a != b)
                {
                    Mark(bits, WordsFor(count), a, b);
                }
            }
        }

        return new LinkGraph(count, bits);
    }

    /// <summary>The graph of <paramref name="count"/> members with the given links and no other.</summary>
    /// <exception cref="ArgumentException">A link names a rank outside the view, or joins a member to itself.</exception>
    public static LinkGraph Of(int count, IEnumerable<(int A, int B)> links)
    {
        ArgumentNullException.ThrowIfNull(links);
        var bits = EmptyBits(count);
        foreach (var (a, b) in links)
        {
            CheckPair(count, a, b);
            Mark(bits, WordsFor(count), a, b);
            Mark(bits, WordsFor(count), b, a);
        }

        return new LinkGraph(count, bits);
    }

    /// <summary>Whether the two members have a link; a member has none to itself.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A rank is outside the view.</exception>
    public bool HasLink(int a, int b)
    {
        CheckRank(a);
        CheckRank(b);
        return (_bits[(a * _wordsPerRank) + (b >> 6)] >> (b & 63) & 1) != 0;
    }

    /// <summary>The same graph with no link between the two members.</summary>
    /// <exception cref="ArgumentException">A rank is outside the view, or both are the same.</exception>
    public LinkGraph Without(int a, int b)
    {
        CheckPair(Count, a, b);
        var bits = (ulong[])_bits.Clone();
        bits[(a * _wordsPerRank) + (b >> 6)] &= ~(1UL << (b & 63));
        bits[(b * _wordsPerRank) + (a >> 6)] &= ~(1UL << (a & 63));
        return new LinkGraph(Count, bits);
    }

    /// <summary>The ranks that have a link to this one, ascending.</summary>
    public IReadOnlyList<int> Neighbours(int rank)
    {
        CheckRank(rank);
        var neighbours = new List<int>();
        for (var other = 0; other < Count; other++)
        {
            if (HasLink(rank, other))
            {
                neighbours.Add(other);
            }
        }

        return neighbours;
    }

    /// <summary>The breadth-first tree that visits neighbours in ascending order.</summary>
    /// <returns>Each rank's parent: -1 for the root, <see cref="Unreachable"/> where no path leads.</returns>
    public int[] BreadthFirstTree(int root)
    {
        CheckRank(root);
        var parents = new int[Count];
        Array.Fill(parents, Unreachable);
        parents[root] = -1;
        var queue = new Queue<int>([root]);
        while (queue.TryDequeue(out var rank))
        {
            foreach (var neighbour in Neighbours(rank))
            {
                if (parents[neighbour] == Unreachable)
                {
                    parents[neighbour] = rank;
                    queue.Enqueue(neighbour);
                }
            }
        }

        return parents;
    }

    /// <inheritdoc />
    public bool Equals(LinkGraph? other) =>
        other is not null && Count == other.Count && _bits.AsSpan().SequenceEqual(other._bits);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as LinkGraph);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Count);
        foreach (var word in _bits)
        {
            hash.Add(word);
        }

        return hash.ToHashCode();
    }

    /// <summary>The number of members, and the pairs that are missing when few are.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{Count} members, {CountLinks()} links");
        if (!IsComplete && Count <= 16)
        {
            text.Append(", none between");
            for (var a = 0; a < Count; a++)
            {
                for (var b = a + 1; b < Count; b++)
                {
                    text.Append(HasLink(a, b) ? "" : $" {a}-{b}");
                }
            }
        }

        return text.ToString();
    }

    private static int WordsFor(int count) => (count + 63) >> 6;

    private static ulong[] EmptyBits(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new ulong[count * WordsFor(count)];
    }

    private static void Mark(ulong[] bits, int wordsPerRank, int a, int b) =>
        bits[(a * wordsPerRank) + (b >> 6)] |= 1UL << (b & 63);

    private static void CheckPair(int count, int a, int b)
    {
        if ((uint)a >= (uint)count || (uint)b >= (uint)count || a == b)
        {
            throw new ArgumentException($"a link joins two different ranks below {count}, not {a} and {b}");
        }
    }

    private long CountLinks() => _bits.Sum(static word => (long)ulong.PopCount(word)) / 2;

    private void CheckRank(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, Count);
    }
}
