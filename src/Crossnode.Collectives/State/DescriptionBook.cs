namespace Crossnode.Collectives.State;

/// <summary>What a holder says of recent operations, so that a newcomer knows what to call.</summary>
/// <remarks>The oldest go when there are more than so many, or more bytes than so many. Pure, not thread-safe.</remarks>
internal sealed class DescriptionBook(int capacity, long capacityBytes)
{
    private readonly SortedDictionary<long, ReadOnlyMemory<byte>> _bodies = [];
    private long _bytes;

    public enum Answer
    {
        Here,
        NotYet,
        Gone,
    }

    /// <summary>The highest number described; 0 for none.</summary>
    public long Newest { get; private set; }

    public void Add(long sequence, ReadOnlyMemory<byte> body)
    {
        Remove(sequence);
        _bodies.Add(sequence, body);
        _bytes += body.Length;
        Newest = Math.Max(Newest, sequence);
        while (_bodies.Count > 1 && (_bodies.Count > capacity || _bytes > capacityBytes))
        {
            using var oldest = _bodies.Keys.GetEnumerator();
            oldest.MoveNext();
            Remove(oldest.Current);
        }
    }

    public Answer Find(long sequence, out ReadOnlyMemory<byte> body)
    {
        body = default;
        return sequence > Newest ? Answer.NotYet : _bodies.TryGetValue(sequence, out body) ? Answer.Here : Answer.Gone;
    }

    private void Remove(long sequence)
    {
        if (_bodies.Remove(sequence, out var body))
        {
            _bytes -= body.Length;
        }
    }
}
