using System.Diagnostics;
using Crossnode.Core.Errors;

namespace Crossnode.Transport.Tests;

/// <summary>What every transport promises. The subclasses run the same tests over each.</summary>
public abstract class TransportContract : IDisposable
{
    private protected static readonly TcpOptions Short = new() { DrainTime = TimeSpan.FromSeconds(1) };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly List<IDisposable> _owned = [];

    protected abstract string Host { get; }

    private protected abstract ITransport Transport { get; }

    public void Dispose()
    {
        foreach (var item in Enumerable.Reverse(_owned))
        {
            item.Dispose();
        }
    }

    [Fact]
    public void Both_directions_at_once_carry_64_MiB_in_order()
    {
        const int Bytes = 64 << 20;
        var (near, far) = Open();
        var poller = Own(Transport.CreatePoller());
        var streams = new[] { new Stream(near, 1, 2, Bytes), new Stream(far, 2, 1, Bytes) };
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
        var poller = Own(Transport.CreatePoller());
        var block = new byte[256 * 1024];
        Fill(near, block);
        Assert.Null(near.Failure);
        poller.Watch(near, read: false, write: true);
        poller.Wait(TimeSpan.Zero);
        Assert.False(poller.IsReady(near));

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

        Assert.True(taken > 0);
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
    public void Empty_spans_are_done_and_move_nothing()
    {
        var (near, far) = Open();
        Assert.Equal(IoStatus.Done, near.TrySend([], out var sent));
        Assert.Equal(IoStatus.Done, far.TryReceive([], out var received));
        Assert.Equal((0, 0), (sent, received));
        Assert.Equal(IoStatus.WouldBlock, far.TryReceive(new byte[1], out _));
    }

    [Fact]
    public void Disposing_delivers_what_was_sent_then_closes()
    {
        var (near, far) = Open();
        var block = new byte[64 * 1024];
        Fill(near, block);
        var sent = near.BytesSent;
        near.Dispose();
        Assert.Equal(IoStatus.Closed, ReadToEnd(far, out var received));
        Assert.Equal(sent, received);
        Assert.Null(far.Failure);
        Assert.Equal(IoStatus.Closed, far.TryReceive(block, out _));
    }

    [Fact]
    public void Disposing_with_unread_bytes_while_the_peer_still_sends_delivers_everything()
    {
        var (near, far) = Open();
        var block = new byte[64 * 1024];
        Fill(near, block);
        Fill(far, block);
        var sent = near.BytesSent;
        near.Dispose();
        var received = 0L;
        IoStatus status;
        do
        {
            far.TrySend(block, out _);
            status = far.TryReceive(block, out var count);
            received += count;
        }
        while (status is IoStatus.Done or IoStatus.WouldBlock);

        Assert.Equal(IoStatus.Closed, status);
        Assert.Equal(sent, received);
    }

    [Fact]
    public void Aborting_ends_the_peer_with_a_reason()
    {
        var (near, far) = Open();
        near.Abort();
        Assert.Equal(IoStatus.Failed, ReadToEnd(far, out _));
        Assert.Contains("reset by " + far.Remote, far.Failure, StringComparison.Ordinal);
        Assert.Equal(IoStatus.Failed, far.TryReceive(new byte[1], out _));
        Assert.Equal(IoStatus.Failed, far.TrySend(new byte[1], out _));
    }

    [Fact]
    public void Aborting_wakes_a_peer_that_waits_to_send()
    {
        var (near, far) = Open();
        Fill(near, new byte[64 * 1024]);
        var poller = Own(Transport.CreatePoller());
        poller.Watch(near, read: false, write: true);
        using var other = new Worker(far.Abort);
        poller.Wait(Patience);
        other.Join();
        Assert.Equal(IoStatus.Failed, near.TrySend(new byte[1], out _));
        Assert.NotNull(near.Failure);
    }

    [Fact]
    public void A_failed_send_still_lets_the_rest_be_read_and_then_fails()
    {
        var (near, far) = Open();
        near.TrySend([1, 2, 3], out _);
        var poller = Own(Transport.CreatePoller());
        poller.Watch(far, read: true, write: false);
        poller.Wait(Patience);
        near.Abort();
        while (far.TrySend([9], out _) != IoStatus.Failed)
        {
        }

        var status = ReadToEnd(far, out var received);
        Assert.Equal(IoStatus.Failed, status);
        Assert.Equal(3, received);
    }

    [Fact]
    public void Sending_to_a_peer_that_has_closed_fails_in_the_end()
    {
        var (near, far) = Open();
        near.Dispose();
        Assert.Equal(IoStatus.Closed, ReadToEnd(far, out _));
        var start = Stopwatch.GetTimestamp();
        while (far.TrySend(new byte[1024], out _) != IoStatus.Failed)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience);
        }

        Assert.NotNull(far.Failure);
    }

    [Fact]
    public void Connecting_where_nobody_listens_is_refused_in_words()
    {
        var listener = Transport.Listen(Host, 0);
        var address = listener.Address;
        listener.Dispose();
        using var pending = Transport.Connect(address);
        var poller = Own(Transport.CreatePoller());
        ConnectStatus status;
        while ((status = pending.Poll(out var connection)) == ConnectStatus.Pending)
        {
            Assert.Null(connection);
            poller.Watch(pending);
            poller.Wait(Patience);
        }

        Assert.Equal(ConnectStatus.Failed, status);
        Assert.Equal($"connection refused by {address}: nothing listens there", pending.Failure);
    }

    [Fact]
    public void An_attempt_that_failed_before_it_was_watched_ends_the_wait()
    {
        var listener = Transport.Listen(Host, 0);
        listener.Dispose();
        using var pending = Transport.Connect(listener.Address);
        while (pending.Poll(out _) == ConnectStatus.Pending)
        {
        }

        var poller = Own(Transport.CreatePoller());
        poller.Watch(pending);
        Assert.True(Elapsed(() => poller.Wait(Patience)) < Patience);
    }

    [Fact]
    public void A_taken_port_is_refused_with_what_to_do()
    {
        var listener = Own(Transport.Listen(Host, 0));
        var port = int.Parse(listener.Address[(listener.Address.LastIndexOf(':') + 1)..], null);
        var e = Assert.Throws<InputException>(() => Transport.Listen(Host, port));
        Assert.Contains(listener.Address, e.Message, StringComparison.Ordinal);
        Assert.Contains("choose another", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nowhere")]
    [InlineData("127.0.0.1")]
    [InlineData("memory:x")]
    public void An_address_of_no_known_form_is_refused(string address) =>
        Assert.Throws<InputException>(() => Transport.Connect(address));

    [Fact]
    public void Waiting_with_nothing_to_do_takes_the_timeout()
    {
        var (near, _) = Open();
        var listener = Own(Transport.Listen(Host, 0));
        var poller = Own(Transport.CreatePoller());
        poller.Watch(near, read: true, write: false);
        poller.Watch(listener);
        var timeout = TimeSpan.FromMilliseconds(120);
        Assert.InRange(Elapsed(() => poller.Wait(timeout)), timeout - TimeSpan.FromMilliseconds(5), Patience);
        Assert.True(Elapsed(() => poller.Wait(TimeSpan.Zero)) < timeout);
        Assert.True(Elapsed(() => poller.Wait(TimeSpan.FromSeconds(-1))) < timeout);
    }

    [Fact]
    public void Wake_from_another_thread_ends_the_wait()
    {
        var poller = Own(Transport.CreatePoller());
        for (var i = 0; i < 100; i++)
        {
            using var other = new Worker(poller.Wake);
            Assert.True(Elapsed(() => poller.Wait(Patience)) < Patience);
            other.Join();
        }
    }

    [Fact]
    public void Wake_before_the_wait_counts_once()
    {
        var poller = Own(Transport.CreatePoller());
        poller.Wake();
        poller.Wake();
        Assert.True(Elapsed(() => poller.Wait(Patience)) < Patience);
        var timeout = TimeSpan.FromMilliseconds(60);
        Assert.True(Elapsed(() => poller.Wait(timeout)) > timeout / 2);
    }

    [Fact]
    public void No_wake_is_lost_between_two_threads()
    {
        const int Rounds = 20_000;
        var (ping, pong) = (Own(Transport.CreatePoller()), Own(Transport.CreatePoller()));
        int asked = 0, answered = 0;
        using var other = new Worker(() =>
        {
            for (var i = 1; i <= Rounds; i++)
            {
                while (Volatile.Read(ref asked) < i)
                {
                    pong.Wait(Patience);
                }

                Volatile.Write(ref answered, i);
                ping.Wake();
            }
        });
        var start = Stopwatch.GetTimestamp();
        for (var i = 1; i <= Rounds; i++)
        {
            Volatile.Write(ref asked, i);
            pong.Wake();
            while (Volatile.Read(ref answered) < i)
            {
                ping.Wait(Patience);
            }
        }

        other.Join();
        Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "a wake was lost, and a wait took its whole timeout");
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
    public void Wake_after_dispose_does_nothing()
    {
        var poller = Transport.CreatePoller();
        poller.Dispose();
        poller.Wake();
        poller.Dispose();
    }

    [Fact]
    public void Many_connections_are_watched_together()
    {
        const int Count = 200;
        var listener = Own(Transport.Listen(Host, 0));
        var poller = Own(Transport.CreatePoller());
        poller.Watch(listener);
        var pending = new List<PendingConnect>();
        for (var i = 0; i < Count; i++)
        {
            pending.Add(Own(Transport.Connect(listener.Address)));
            poller.Watch(pending[i]);
        }

        var near = new Connection?[Count];
        var far = new List<Connection>();
        while (far.Count < Count || near.Contains(null))
        {
            poller.Wait(Patience);
            while (listener.TryAccept(out var accepted))
            {
                far.Add(Own(accepted));
            }

            for (var i = 0; i < Count; i++)
            {
                if (near[i] is null && pending[i].Poll(out near[i]) == ConnectStatus.Connected)
                {
                    Own(near[i]!).TrySend([(byte)i, (byte)(i >> 8)], out _);
                }
            }
        }

        var seen = new HashSet<int>();
        var buffer = new byte[16];
        far.ForEach(c => poller.Watch(c, read: true, write: false));
        while (seen.Count < Count)
        {
            poller.Wait(Patience);
            foreach (var connection in far.Where(poller.IsReady))
            {
                if (connection.TryReceive(buffer, out var received) == IoStatus.Done)
                {
                    Assert.Equal(2, received);
                    Assert.True(seen.Add(buffer[0] | (buffer[1] << 8)));
                    connection.Dispose();
                }
            }
        }

        Assert.True(Elapsed(() => poller.Wait(TimeSpan.FromMilliseconds(60))) > TimeSpan.FromMilliseconds(30));
    }

    [Fact]
    public void Unwatched_things_do_not_end_a_wait()
    {
        var (near, far) = Open();
        var poller = Own(Transport.CreatePoller());
        poller.Watch(far, read: true, write: true);
        poller.Watch(far, read: true, write: true);
        near.TrySend([1], out _);
        Assert.True(Elapsed(() => poller.Wait(Patience)) < Patience);
        Assert.True(poller.IsReady(far));
        poller.Unwatch(far);
        poller.Unwatch(far);
        var timeout = TimeSpan.FromMilliseconds(60);
        Assert.True(Elapsed(() => poller.Wait(timeout)) > timeout / 2);
        poller.Watch(far, read: true, write: false);
        Assert.True(Elapsed(() => poller.Wait(Patience)) < Patience);
        poller.Watch(far, read: false, write: false);
        Assert.True(Elapsed(() => poller.Wait(timeout)) > timeout / 2);
    }

    [Fact]
    public void Disposed_things_drop_out_of_the_poller()
    {
        var (near, far) = Open();
        var listener = Transport.Listen(Host, 0);
        var pending = Transport.Connect(listener.Address);
        var poller = Own(Transport.CreatePoller());
        poller.Watch(near, read: true, write: true);
        poller.Watch(far, read: true, write: true);
        poller.Watch(listener);
        poller.Watch(pending);
        pending.Dispose();
        listener.Dispose();
        near.Dispose();
        far.Dispose();
        var timeout = TimeSpan.FromMilliseconds(60);
        Assert.True(Elapsed(() => poller.Wait(timeout)) > timeout / 2);
    }

    [Fact]
    public void An_attempt_given_up_reports_failure()
    {
        var listener = Own(Transport.Listen(Host, 0));
        var pending = Transport.Connect(listener.Address);
        pending.Dispose();
        Assert.Equal(ConnectStatus.Failed, pending.Poll(out var connection));
        Assert.Null(connection);
        Assert.Contains("given up", pending.Failure, StringComparison.Ordinal);
        pending.Dispose();
    }

    [Fact]
    public void An_attempt_disposed_after_it_connected_leaves_the_connection()
    {
        var listener = Own(Transport.Listen(Host, 0));
        var pending = Transport.Connect(listener.Address);
        var near = Finish(pending);
        pending.Dispose();
        var far = Accept(listener);
        Assert.Equal(IoStatus.Done, near.TrySend([7], out _));
        Assert.Equal(7, ReadOne(far));
    }

    [Fact]
    public void Connections_never_accepted_break_when_the_listener_goes()
    {
        var listener = Transport.Listen(Host, 0);
        var near = Finish(Own(Transport.Connect(listener.Address)));
        listener.Dispose();
        Assert.Equal(IoStatus.Failed, ReadToEnd(near, out _));
    }

    [Fact]
    public void Using_a_disposed_connection_is_an_error_of_the_caller()
    {
        var (near, _) = Open();
        near.Dispose();
        near.Dispose();
        near.Abort();
        Assert.Throws<ObjectDisposedException>(() => near.TrySend([1], out _));
        Assert.Throws<ObjectDisposedException>(() => near.TryReceive(new byte[1], out _));
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

    protected virtual long AllowedAllocation => 0;

    protected (Connection Near, Connection Far) Open()
    {
        var listener = Own(Transport.Listen(Host, 0));
        var near = Finish(Own(Transport.Connect(listener.Address)));
        Assert.Equal(listener.Address, near.Remote);
        return (near, Accept(listener));
    }

    protected T Own<T>(T item)
        where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }

    private static TimeSpan Elapsed(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start);
    }

    // Until nothing fits any more, also after what the system holds in between has moved on.
    private static void Fill(Connection connection, byte[] block)
    {
        for (var quiet = 0; quiet < 200; quiet++)
        {
            while (connection.TrySend(block, out _) == IoStatus.Done)
            {
                quiet = 0;
            }
        }
    }

    private IoStatus ReadToEnd(Connection connection, out long received)
    {
        var buffer = new byte[64 * 1024];
        var poller = Own(Transport.CreatePoller());
        received = 0;
        while (true)
        {
            var status = connection.TryReceive(buffer, out var count);
            received += count;
            if (status is IoStatus.Closed or IoStatus.Failed)
            {
                return status;
            }

            if (status == IoStatus.WouldBlock)
            {
                poller.Watch(connection, read: true, write: false);
                Assert.True(Elapsed(() => poller.Wait(Patience)) < Patience, "the end was not seen");
            }
        }
    }

    private byte ReadOne(Connection connection)
    {
        var buffer = new byte[1];
        var poller = Own(Transport.CreatePoller());
        poller.Watch(connection, read: true, write: false);
        while (connection.TryReceive(buffer, out _) == IoStatus.WouldBlock)
        {
            poller.Wait(Patience);
        }

        return buffer[0];
    }

    private void Bounce(Connection connection, int rounds, bool isFirst)
    {
        using var poller = Transport.CreatePoller();
        poller.Watch(connection, read: true, write: false);
        var buffer = new byte[1];
        for (var i = 0; i < rounds; i++)
        {
            if (isFirst)
            {
                connection.TrySend(buffer, out _);
            }

            while (connection.TryReceive(buffer, out _) == IoStatus.WouldBlock)
            {
                poller.Wait(Patience);
            }

            if (!isFirst)
            {
                connection.TrySend(buffer, out _);
            }
        }
    }

    private Connection Finish(PendingConnect pending)
    {
        var poller = Own(Transport.CreatePoller());
        poller.Watch(pending);
        Connection? connection;
        ConnectStatus status;
        while ((status = pending.Poll(out connection)) == ConnectStatus.Pending)
        {
            poller.Wait(Patience);
        }

        Assert.True(status == ConnectStatus.Connected, pending.Failure);
        return Own(connection!);
    }

    private Connection Accept(Listener listener)
    {
        var poller = Own(Transport.CreatePoller());
        poller.Watch(listener);
        Connection? connection;
        while (!listener.TryAccept(out connection))
        {
            poller.Wait(Patience);
        }

        return Own(connection);
    }

    /// <summary>Sends one known random sequence and checks another, in pieces of changing size.</summary>
    private sealed class Stream(Connection connection, int sendSeed, int receiveSeed, int bytes)
    {
        private readonly byte[] _source = Bytes(sendSeed, bytes);
        private readonly byte[] _expected = Bytes(receiveSeed, bytes);
        private readonly byte[] _buffer = new byte[300_000];
        private readonly Random _sizes = new(sendSeed);
        private int _sent;
        private int _received;

        public Connection Connection => connection;

        public bool HasSentAll => _sent == bytes;

        public bool IsFinished => HasSentAll && _received == bytes;

        public bool Step()
        {
            var moved = false;
            if (!HasSentAll)
            {
                var piece = Math.Min(_sizes.Next(1, 600_000), bytes - _sent);
                moved = connection.TrySend(_source.AsSpan(_sent, piece), out var sent) == IoStatus.Done;
                _sent += sent;
            }

            var status = connection.TryReceive(_buffer.AsSpan(0, _sizes.Next(1, _buffer.Length)), out var received);
            Assert.True(status is IoStatus.Done or IoStatus.WouldBlock);
            Assert.True(_buffer.AsSpan(0, received).SequenceEqual(_expected.AsSpan(_received, received)));
            _received += received;
            return moved || received > 0;
        }

        private static byte[] Bytes(int seed, int count)
        {
            var result = new byte[count];
            new Random(seed).NextBytes(result);
            return result;
        }
    }

    /// <summary>A thread whose failure fails the test.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly Thread _thread;
        private Exception? _error;

        public Worker(Action action)
        {
            _thread = new Thread(() =>
            {
                try
                {
                    action();
                }
                catch (Exception e)
                {
                    _error = e;
                }
            });
            _thread.Start();
        }

        public void Join()
        {
            Assert.True(_thread.Join(Patience));
            Assert.Null(_error);
        }

        public void Dispose() => _thread.Join(Patience);
    }
}
