namespace Crossnode.Collectives.State;

/// <summary>What a holder says of recent operations, so that a newcomer knows what to call.</summary>
/// <remarks>The oldest go when there are more than so many, or more bytes than so many. Pure, not thread-safe.</remarks>
internal sealed class DescriptionBook(int capacity, long capacityBytes)
{
    private readonly SortedDictionary<long, (ReadOnlyMemory<byte> Body, bool IsProvisional)> _entries = [];
    private long _bytes;

    public enum Answer
    {
        Here,
        NotYet,
        Gone,
    }

    /// <summary>The highest number described; 0 for none.</summary>
    public long Newest { get; private set; }

    public void Add(long sequence, ReadOnlyMemory<byte> body, bool isProvisional)
    {
        Remove(sequence);
        _entries.Add(sequence, (body, isProvisional));
        _bytes += body.Length;
        Newest = Math.Max(Newest, sequence);
        while (_entries.Count > 1 && (_entries.Count > capacity || _bytes > capacityBytes))
        {
            using var oldest = _entries.Keys.GetEnumerator();
            oldest.MoveNext();
            Remove(oldest.Current);
        }
    }

    public Answer Find(long sequence, bool knowsProvisional, out ReadOnlyMemory<byte> body, out bool isProvisional)
    {
        (body, isProvisional) = (default, false);
        if (sequence > Newest)
        {
            return Answer.NotYet;
        }

        if (!_entries.TryGetValue(sequence, out var entry))
        {
            return Answer.Gone;
        }

        (body, isProvisional) = entry;
        return isProvisional && knowsProvisional ? Answer.NotYet : Answer.Here;
    }

    private void Remove(long sequence)
    {
        if (_entries.Remove(sequence, out var entry))
        {
            _bytes -= entry.Body.Length;
        }
    }
}
