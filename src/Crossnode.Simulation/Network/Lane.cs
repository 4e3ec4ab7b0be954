namespace Crossnode.Simulation.Network;

/// <summary>One direction of a connection: packets in order, each with the time at which it arrives.</summary>
internal sealed class Lane(Connection connection, int side)
{
    private Packet[] _ring = new Packet[8];
    private int _head;

    public Connection Connection { get; } = connection;

    /// <summary>The node that sends.</summary>
    public int From => Connection.Ends[side].Node;

    /// <summary>The node that receives.</summary>
    public int To => Connection.Ends[1 - side].Node;

    public Socket Sender => Connection.Ends[side];

    public Socket Receiver => Connection.Ends[1 - side];

    public int Count { get; private set; }

    /// <summary>Cost of the packets under way.</summary>
    public int InFlight { get; private set; }

    /// <summary>When the line has sent all that was given to it.</summary>
    public long LineFreeAt { get; set; }

    public long LastArrival { get; set; }

    /// <summary>Whether an arrival is in the queue.</summary>
    public bool IsScheduled { get; set; }

    /// <summary>Whether the next packet has arrived but cannot be taken: a partition, or a receiver that does not read.</summary>
    public bool IsStalled { get; set; }

    public ref Packet Head => ref _ring[_head];

    public void Add(in Packet packet)
    {
        if (Count == _ring.Length)
        {
            var larger = new Packet[_ring.Length * 2];
            for (var index = 0; index < Count; index++)
            {
                larger[index] = _ring[(_head + index) & (_ring.Length - 1)];
            }

            _ring = larger;
            _head = 0;
        }

        _ring[(_head + Count++) & (_ring.Length - 1)] = packet;
        InFlight += packet.Cost;
    }

    public Packet Take()
    {
        var packet = _ring[_head];
        _ring[_head] = default;
        _head = (_head + 1) & (_ring.Length - 1);
        Count--;
        InFlight -= packet.Cost;
        return packet;
    }

    /// <summary>Drops what was sent last, so that only the first packets are left.</summary>
    public void KeepFirst(int count, BytePool pool)
    {
        while (Count > count)
        {
            ref var last = ref _ring[(_head + --Count) & (_ring.Length - 1)];
            InFlight -= last.Cost;
            pool.Return(last.Bytes);
            last = default;
        }
    }
}

/// <summary>Small blocks for payloads under way.</summary>
internal sealed class BytePool
{
    public const int BlockBytes = 64;

    private readonly Stack<byte[]> _free = [];

    public byte[] Rent() => _free.TryPop(out var block) ? block : new byte[BlockBytes];

    public void Return(byte[]? block)
    {
        if (block is not null)
        {
            _free.Push(block);
        }
    }
}
