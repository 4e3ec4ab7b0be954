using System.Diagnostics;

namespace Crossnode.Transport.Tests;

// Bytes arrive, whole and in order.
public abstract partial class TransportContract
{
    [Fact]
    public void Both_directions_at_once_carry_64_MiB_in_order()
    {
        const int Bytes = 64 << 20;
        var (near, far) = Open();
        var poller = Own(Transport.CreatePoller());
        var streams = new[] { new TwoWayStream(near, 1, 2, Bytes), new TwoWayStream(far, 2, 1, Bytes) };
        while (!streams.All(s => s.IsFinished))
        {
            var moved = false;
            foreach (var stream in streams)
            {
                moved |= stream.Step();
            }

            if (!moved)
            {
                foreach (var stream in streams)
                {
                    poller.Watch(stream.Connection, read: true, write: !stream.HasSentAll);
                }

                var start = Stopwatch.GetTimestamp();
                poller.Wait(Patience);
                Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "neither side can go on");
            }
        }

        Assert.Equal(Bytes, near.BytesSent);
        Assert.Equal(Bytes, near.BytesReceived);
        Assert.Equal(Bytes, far.BytesSent);
        Assert.Equal(Bytes, far.BytesReceived);
    }

    [Fact]
    public void Sending_to_who_does_not_read_would_block_until_it_reads()
    {
        var (near, far) = Open();
        var block = new byte[256 * 1024];
        Fill(near, block);
        Assert.Null(near.Failure);

        // The system may still grow its buffers by itself, so room may appear before the first read; it must appear then.
        var taken = 0L;
        while (near.TrySend(block, out _) == IoStatus.WouldBlock)
        {
            // One read need not make enough room for the system to call the sender ready.
            Assert.True(taken <= near.BytesSent);
            if (far.TryReceive(block, out var received) == IoStatus.Done)
            {
                taken += received;
            }
        }

        Assert.Null(near.Failure);
    }

    [Fact]
    public void A_full_connection_becomes_ready_when_the_peer_reads()
    {
        var (near, far) = Open();
        var poller = Own(Transport.CreatePoller());
        var block = new byte[256 * 1024];
        Fill(near, block);
        poller.Watch(near, read: false, write: true);
        using var reader = new Worker(() =>
        {
            while (far.BytesReceived < near.BytesSent)
            {
                far.TryReceive(block, out _);
            }
        });
        var start = Stopwatch.GetTimestamp();
        poller.Wait(Patience);
        Assert.True(Stopwatch.GetElapsedTime(start) < Patience);
        reader.Join();
    }

    [Fact]
    public void A_header_and_its_payload_sent_together_arrive_in_order_whatever_fits()
    {
        var (near, far) = Open();
        var bytes = new byte[3 << 20];
        new Random(7).NextBytes(bytes);
        var back = new byte[bytes.Length];
        var (sent, received, header) = (0, 0, 0);
        while (received < bytes.Length)
        {
            // 64 bytes and 200,000, as far as there are so many, or whatever is left of them.
            var room = bytes.AsSpan(sent, Math.Min(200_064 - header, bytes.Length - sent));
            var first = Math.Clamp(64 - header, 0, room.Length);
            if (near.TrySend(room[..first], room[first..], out var moved) == IoStatus.Done)
            {
                sent += moved;
                header = (header + moved) % 200_064;
            }

            if (far.TryReceive(back.AsSpan(received), out var arrived) == IoStatus.Done)
            {
                received += arrived;
            }
        }

        Assert.Equal(bytes.Length, near.BytesSent);
        Assert.True(bytes.AsSpan().SequenceEqual(back));
    }

    [Fact]
    public void Sending_two_spans_to_a_peer_that_has_gone_fails_in_the_end()
    {
        var (near, far) = Open();
        far.Abort();
        var block = new byte[64 * 1024];
        var start = Stopwatch.GetTimestamp();
        while (near.TrySend(block, block, out _) != IoStatus.Failed && Stopwatch.GetElapsedTime(start) < Patience)
        {
            near.TryReceive(block, out _);
        }

        Assert.NotNull(near.Failure);
    }

    [Fact]
    public void Empty_spans_are_done_and_move_nothing()
    {
        var (near, far) = Open();
        Assert.Equal(IoStatus.Done, near.TrySend([], out var sent));
        Assert.Equal(IoStatus.Done, far.TryReceive([], out var received));
        Assert.Equal((0, 0), (sent, received));
        Assert.Equal(IoStatus.WouldBlock, far.TryReceive(new byte[1], out _));
    }

    [Fact]
    public void Bytes_between_two_threads_that_wait_arrive()
    {
        const int Rounds = 5_000;
        var (near, far) = Open();
        using var other = new Worker(() => Bounce(far, Rounds, isFirst: false));
        var start = Stopwatch.GetTimestamp();
        Bounce(near, Rounds, isFirst: true);
        other.Join();
        Assert.True(Stopwatch.GetElapsedTime(start) < Patience);
    }

    [Fact]
    public void Steady_state_allocates_nothing()
    {
        var (near, far) = Open();
        var poller = Own(Transport.CreatePoller());
        poller.Watch(near, read: true, write: false);
        poller.Watch(far, read: true, write: false);
        var block = new byte[4096];
        var allocated = 0L;

        // The first rounds compile and fill caches.
        for (var round = 0; round < 3; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                near.TrySend(block, out _);
                far.TryReceive(block, out _);
                far.TryReceive(block, out _);
                poller.Watch(far, read: true, write: (i & 1) == 0);
                poller.Wait(TimeSpan.Zero);
                poller.IsReady(far);
                poller.Wait(TimeSpan.FromTicks(1));
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.InRange(allocated, 0, AllowedAllocation);
    }
}
