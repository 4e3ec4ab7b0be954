using System.Diagnostics;

namespace Crossnode.Transport.Tests;

// Waiting ends when, and only when, it should.
public abstract partial class TransportContract
{
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

        // The best of some, since the machine may be busy.
        Assert.True(Enumerable.Range(0, 10).Min(_ => Elapsed(() => poller.Wait(TimeSpan.Zero))) < timeout / 2);
        Assert.True(Enumerable.Range(0, 10).Min(_ => Elapsed(() => poller.Wait(TimeSpan.FromSeconds(-1)))) < timeout / 2);
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
}
