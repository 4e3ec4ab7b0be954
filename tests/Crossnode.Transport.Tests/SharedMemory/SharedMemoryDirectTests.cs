namespace Crossnode.Transport.Tests;

/// <summary>Reading and writing in place.</summary>
[Trait("tier", "integration")]
public sealed class SharedMemoryDirectTests : IDisposable
{
    private const int RingBytes = 1 << 16;
    private readonly SharedFolder _folder = new();
    private readonly Connection _near;
    private readonly Connection _far;

    public SharedMemoryDirectTests() => (_near, _far) = _folder.Open();

    [Fact]
    public void Peeked_bytes_stay_until_they_are_consumed()
    {
        Assert.True(_far.HasDirectReads && _near.HasDirectWrites);
        Assert.Equal(IoStatus.WouldBlock, _far.TryPeek(out var bytes));
        Assert.True(bytes.IsEmpty);
        _near.TrySend([1, 2, 3], out _);
        Assert.Equal(IoStatus.Done, _far.TryPeek(out bytes));
        Assert.Equal([1, 2, 3], bytes.ToArray());
        _near.TrySend([4], out _);
        _far.TryPeek(out bytes);
        Assert.Equal([1, 2, 3, 4], bytes.ToArray());
        Assert.Equal(0, _far.BytesReceived);
        _far.Consume(3);
        Assert.Equal(3, _far.BytesReceived);
        _far.TryReceive(new byte[8], out var received);
        Assert.Equal(1, received);
    }

    [Fact]
    public void Reserved_room_is_seen_by_the_peer_only_when_committed()
    {
        Assert.Equal(IoStatus.Done, _near.TryReserve(out var room));
        Assert.Equal(RingBytes, room.Length);
        room[0] = 7;
        room[1] = 8;
        Assert.Equal(IoStatus.WouldBlock, _far.TryPeek(out _));
        _near.Commit(2);
        Assert.Equal(2, _near.BytesSent);
        _near.TryReserve(out room);
        Assert.Equal(RingBytes - 2, room.Length);
        _far.TryPeek(out var bytes);
        Assert.Equal([7, 8], bytes.ToArray());
    }

    [Fact]
    public void A_run_across_the_rings_end_is_one_span()
    {
        _near.TrySend(new byte[RingBytes - 10], out _);
        _far.Consume(Peek().Length);
        var sent = Enumerable.Range(1, 200).Select(i => (byte)i).ToArray();
        _near.TryReserve(out var room);
        Assert.Equal(RingBytes, room.Length);
        sent.CopyTo(room);
        _near.Commit(sent.Length);
        Assert.Equal(sent, Peek().ToArray());
        var copied = new byte[200];
        Assert.Equal(IoStatus.Done, _far.TryReceive(copied, out var received));
        Assert.Equal(200, received);
        Assert.Equal(sent, copied);
    }

    [Fact]
    public void A_full_ring_would_block_until_bytes_are_consumed()
    {
        Assert.Equal(IoStatus.Done, _near.TrySend(new byte[2 * RingBytes], out var sent));
        Assert.Equal(RingBytes, sent);
        Assert.Equal(IoStatus.WouldBlock, _near.TrySend([1], out _));
        Assert.Equal(IoStatus.WouldBlock, _near.TryReserve(out _));
        Assert.Equal(RingBytes, Peek().Length);
        Assert.Equal(IoStatus.WouldBlock, _near.TrySend([1], out _));
        _far.Consume(5);
        Assert.Equal(IoStatus.Done, _near.TrySend(new byte[100], out sent));
        Assert.Equal(5, sent);
    }

    [Fact]
    public void More_than_was_shown_or_given_cannot_be_taken()
    {
        _near.TrySend([1, 2], out _);
        Peek();
        Assert.Throws<ArgumentOutOfRangeException>(() => _far.Consume(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => _far.Consume(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _near.Commit(RingBytes - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _near.Commit(-1));
        _far.Consume(2);
        Assert.Equal(2, _far.BytesReceived);
        Assert.Equal(2, _near.BytesSent);
    }

    [Fact]
    public void Random_pieces_by_copy_and_in_place_arrive_in_order()
    {
        var random = new Random(5);
        byte next = 0, expected = 0;
        var block = new byte[RingBytes];
        while (_far.BytesReceived < 50L * RingBytes)
        {
            var size = random.Next(1, random.Next(1, 2 * RingBytes));
            if (random.Next(2) == 0)
            {
                next = SendCopied(block.AsSpan(0, Math.Min(size, block.Length)), next);
            }
            else if (_near.TryReserve(out var room) == IoStatus.Done)
            {
                room = room[..Math.Min(size, room.Length)];
                next = Number(room, next);
                _near.Commit(room.Length);
            }

            size = random.Next(1, RingBytes);
            if (random.Next(2) == 0)
            {
                _far.TryReceive(block.AsSpan(0, size), out var received);
                expected = Check(block.AsSpan(0, received), expected);
            }
            else if (_far.TryPeek(out var bytes) == IoStatus.Done)
            {
                bytes = bytes[..Math.Min(size, bytes.Length)];
                expected = Check(bytes, expected);
                _far.Consume(bytes.Length);
            }
        }
    }

    [Fact]
    public void An_orderly_end_lets_the_rest_be_peeked_and_then_closes()
    {
        _near.TrySend([1, 2, 3], out _);
        _near.Dispose();
        Assert.Equal(IoStatus.Done, _far.TryPeek(out var bytes));
        Assert.Equal(3, bytes.Length);
        Assert.Equal(IoStatus.Done, _far.TryReserve(out var room));
        room[0] = 1;
        _far.Commit(1);
        _far.Consume(3);
        Assert.Equal(IoStatus.Closed, _far.TryPeek(out _));
        Assert.Equal(IoStatus.Closed, _far.TryReceive(new byte[1], out _));
        Assert.Equal(IoStatus.Failed, _far.TryReserve(out _));
        Assert.Null(Record.Exception(_far.Dispose));
        Assert.Throws<ObjectDisposedException>(() => _far.TryPeek(out _));
        Assert.Throws<ObjectDisposedException>(() => _far.Consume(0));
    }

    [Fact]
    public void Steady_state_in_place_allocates_nothing()
    {
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        poller.Watch(_far, read: true, write: false);
        var allocated = 0L;
        for (var round = 0; round < 3; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 2000; i++)
            {
                _near.TryReserve(out var room);
                _near.Commit(Math.Min(room.Length, 1000));
                poller.Wait(TimeSpan.FromTicks(1));
                _far.TryPeek(out var bytes);
                _far.Consume(bytes.Length);
                _far.TryPeek(out _);
                poller.Wait(TimeSpan.FromTicks(1));
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Other_links_say_that_they_have_no_direct_access()
    {
        var memory = new MemoryTransport();
        using var listener = memory.Listen("memory", 0);
        using var pending = memory.Connect(listener.Address);
        pending.Poll(out var connection);
        Assert.False(connection!.HasDirectReads || connection.HasDirectWrites);
        Assert.Throws<NotSupportedException>(() => connection.TryPeek(out _));
        Assert.Throws<NotSupportedException>(() => connection.Consume(0));
        Assert.Throws<NotSupportedException>(() => connection.TryReserve(out _));
        Assert.Throws<NotSupportedException>(() => connection.Commit(0));
    }

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
        _folder.Dispose();
    }

    private ReadOnlySpan<byte> Peek()
    {
        Assert.Equal(IoStatus.Done, _far.TryPeek(out var bytes));
        return bytes;
    }

    private byte SendCopied(Span<byte> piece, byte first)
    {
        Number(piece, first);
        _near.TrySend(piece, out var sent);
        return (byte)(first + sent);
    }

    private static byte Number(Span<byte> bytes, byte first)
    {
        foreach (ref var one in bytes)
        {
            one = first++;
        }

        return first;
    }

    private static byte Check(ReadOnlySpan<byte> bytes, byte expected)
    {
        foreach (var one in bytes)
        {
            Assert.True(one == expected++, "a byte is out of order");
        }

        return expected;
    }
}
