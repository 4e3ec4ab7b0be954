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
}
