using System.Diagnostics;

namespace Crossnode.Transport.Tests;

/// <summary>What every transport promises. The subclasses run the same tests over each.</summary>
public abstract partial class TransportContract : IDisposable
{
    private protected static readonly TcpOptions Short = new() { DrainTime = TimeSpan.FromSeconds(1) };
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
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

    protected virtual long AllowedAllocation => 0;

    /// <summary>Whether an attempt connects before the other side has accepted it.</summary>
    protected virtual bool ConnectsUnaccepted => true;

    protected virtual string RemoteOf(string address) => address;

    protected (Connection Near, Connection Far) Open()
    {
        var listener = Own(Transport.Listen(Host, 0));
        var (near, far) = Meet(listener, Own(Transport.Connect(listener.Address)));
        Assert.Equal(RemoteOf(listener.Address), near.Remote);
        return (near, far);
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

    // Until nothing fits for a while: what the system holds in between moves on for some time.
    private void Fill(Connection connection, byte[] block)
    {
        using var poller = Transport.CreatePoller();
        poller.Watch(connection, read: false, write: true);
        do
        {
            while (connection.TrySend(block, out _) == IoStatus.Done)
            {
            }

            poller.Wait(TimeSpan.FromMilliseconds(20));
        }
        while (poller.IsReady(connection));
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

    private (Connection Near, Connection Far) Meet(Listener listener, PendingConnect pending)
    {
        var poller = Own(Transport.CreatePoller());
        poller.Watch(listener);
        poller.Watch(pending);
        Connection? near = null, far = null;
        while (near is null || far is null)
        {
            var status = near is null ? pending.Poll(out near) : ConnectStatus.Connected;
            Assert.True(status != ConnectStatus.Failed, pending.Failure);
            if (far is null && listener.TryAccept(out far))
            {
                continue;
            }

            if (near is null || far is null)
            {
                poller.Wait(Patience);
            }
        }

        return (Own(near), Own(far));
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
}
