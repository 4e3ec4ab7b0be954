using System.Diagnostics;

namespace Crossnode.Transport.Tests;

// How connections end, and what the other side sees.
public abstract partial class TransportContract
{
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
    public void Using_a_disposed_connection_is_an_error_of_the_caller()
    {
        var (near, _) = Open();
        near.Dispose();
        near.Dispose();
        near.Abort();
        Assert.Throws<ObjectDisposedException>(() => near.TrySend([1], out _));
        Assert.Throws<ObjectDisposedException>(() => near.TryReceive(new byte[1], out _));
    }
}
