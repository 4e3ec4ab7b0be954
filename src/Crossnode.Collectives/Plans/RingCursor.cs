namespace Crossnode.Collectives.Plans;

/// <summary>The next chunk to send, or to receive, in a ring schedule: chunk by chunk within step by step.</summary>
internal struct RingCursor
{
    private readonly RingSchedule _schedule;
    private readonly int _lead;
    private ChunkGrid _chunks;

    private RingCursor(in RingSchedule schedule, int lead)
    {
        _schedule = schedule;
        _lead = lead;
        _chunks = schedule.ChunksOf(Segment);
    }

    public int Step { get; private set; }

    public long Chunk { get; private set; }

    public readonly int Segment => _schedule.SegmentSentAt(Step + _lead);

    public readonly long Offset => _chunks.OffsetOf(Chunk);

    public readonly int Length => _chunks.LengthOf(Chunk);

    public readonly bool IsAtEnd => Step == _schedule.StepCount;

    public static RingCursor OfSends(in RingSchedule schedule) => new(schedule, lead: 0);

    /// <summary>What is received in a step is what is sent in the next.</summary>
    public static RingCursor OfReceives(in RingSchedule schedule) => new(schedule, lead: 1);

    public void Advance()
    {
        if (++Chunk == _chunks.Count)
        {
            Chunk = 0;
            Step++;
            _chunks = _schedule.ChunksOf(Segment);
        }
    }

    /// <summary>Whether this cursor has passed a chunk of a step.</summary>
    public readonly bool IsPast(int step, long chunk) => step < Step || (step == Step && chunk < Chunk);
}
