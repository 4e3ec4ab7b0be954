namespace Crossnode.Simulation.Kernel;

/// <summary>What is due at a virtual time.</summary>
internal enum DueKind : byte
{
    /// <summary>The first packet of a lane arrives.</summary>
    Arrival,

    /// <summary>A member looks at its clock.</summary>
    MemberTick,

    /// <summary>The coordinator looks at its clock.</summary>
    CoordinatorTick,

    /// <summary>A member calls its next operation of a tag.</summary>
    Call,

    /// <summary>A control stream that was dialled has had its time.</summary>
    DialTimeout,

    /// <summary>A probe that was dialled has had its time.</summary>
    ProbeTimeout,

    /// <summary>A process comes to the run, perhaps in the place of a dead one.</summary>
    Newcomer,

    /// <summary>A record has been written, or not.</summary>
    Written,

    /// <summary>A coordinator is started again.</summary>
    CoordinatorStart,

    /// <summary>A fault begins.</summary>
    Fault,

    /// <summary>A fault ends.</summary>
    Repair,

    /// <summary>All faults are over: from here on everything must come right.</summary>
    Heal,
}

/// <summary>One entry of the queue.</summary>
internal readonly record struct Due(long At, long Order, DueKind Kind, int Index, object? Subject);

/// <summary>Entries by time, and by the order in which they were added where times are equal.</summary>
internal sealed class EventQueue
{
    private Due[] _heap = new Due[256];
    private long _order;

    public int Count { get; private set; }

    public void Add(long at, DueKind kind, int index, object? subject)
    {
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, _heap.Length * 2);
        }

        var due = new Due(at, _order++, kind, index, subject);
        var hole = Count++;
        while (hole > 0)
        {
            var parent = (hole - 1) >> 1;
            if (!IsBefore(due, _heap[parent]))
            {
                break;
            }

            _heap[hole] = _heap[parent];
            hole = parent;
        }

        _heap[hole] = due;
    }

    public bool TryTake(out Due due)
    {
        if (Count == 0)
        {
            due = default;
            return false;
        }

        due = _heap[0];
        var last = _heap[--Count];
        _heap[Count] = default;
        if (Count > 0)
        {
            SinkFromTop(last);
        }

        return true;
    }

    private void SinkFromTop(in Due last)
    {
        var hole = 0;
        while (true)
        {
            var child = (2 * hole) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && IsBefore(_heap[child + 1], _heap[child]))
            {
                child++;
            }

            if (!IsBefore(_heap[child], last))
            {
                break;
            }

            _heap[hole] = _heap[child];
            hole = child;
        }

        _heap[hole] = last;
    }

    private static bool IsBefore(in Due a, in Due b) => a.At < b.At || (a.At == b.At && a.Order < b.Order);
}
