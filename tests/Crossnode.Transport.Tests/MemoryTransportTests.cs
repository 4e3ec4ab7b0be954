namespace Crossnode.Transport.Tests;

[Trait("tier", "unit")]
public sealed class MemoryTransportTests
{
    [Fact]
    public void A_connection_holds_exactly_its_capacity()
    {
        var (near, far) = Open(64);
        Assert.Equal(IoStatus.Done, near.TrySend(new byte[100], out var sent));
        Assert.Equal(64, sent);
        Assert.Equal(IoStatus.WouldBlock, near.TrySend(new byte[1], out _));
        far.TryReceive(new byte[10], out _);
        near.TrySend(new byte[100], out sent);
        Assert.Equal(10, sent);
    }

    [Fact]
    public void Breaking_fails_both_ends_after_what_had_arrived()
    {
        var (near, far) = Open(64);
        near.TrySend([1, 2], out _);
        MemoryTransport.Break(far);
        var buffer = new byte[8];
        Assert.Equal(IoStatus.Done, far.TryReceive(buffer, out var received));
        Assert.Equal(2, received);
        Assert.Equal(IoStatus.Failed, far.TryReceive(buffer, out _));
        Assert.Equal(IoStatus.Failed, near.TryReceive(buffer, out _));
        Assert.Equal(IoStatus.Failed, near.TrySend(buffer, out _));
        Assert.Contains("reset by memory:1", near.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cut_is_silent_and_can_be_mended()
    {
        var (near, far) = Open(64);
        var buffer = new byte[64];
        MemoryTransport.Cut(near, isCut: true);
        Assert.Equal(IoStatus.Done, near.TrySend([5], out _));
        Assert.Equal(IoStatus.WouldBlock, far.TryReceive(buffer, out _));
        near.Dispose();
        Assert.Equal(IoStatus.WouldBlock, far.TryReceive(buffer, out _));
        Assert.Equal(IoStatus.Done, far.TrySend(buffer, out _));
        Assert.Equal(IoStatus.WouldBlock, far.TrySend(buffer, out _));
        MemoryTransport.Cut(far, isCut: false);
        Assert.Equal(IoStatus.Done, far.TryReceive(buffer, out _));
        Assert.Equal(5, buffer[0]);
        Assert.Equal(IoStatus.Closed, far.TryReceive(buffer, out _));
    }

    [Fact]
    public void Mending_ends_a_wait_for_what_was_held_back()
    {
        var transport = new MemoryTransport();
        var (near, far) = Open(64);
        using var poller = transport.CreatePoller();
        poller.Watch(far, read: true, write: false);
        MemoryTransport.Cut(near, isCut: true);
        near.TrySend([5], out _);
        poller.Wait(TimeSpan.Zero);
        Assert.False(poller.IsReady(far));
        MemoryTransport.Cut(near, isCut: false);
        poller.Wait(TimeSpan.FromSeconds(20));
        Assert.True(poller.IsReady(far));
    }

    [Fact]
    public void Networks_do_not_see_each_other()
    {
        using var listener = new MemoryTransport().Listen("memory", 5);
        Assert.Equal("memory:5", listener.Address);
        using var pending = new MemoryTransport().Connect("memory:5");
        Assert.Equal(ConnectStatus.Failed, pending.Poll(out _));
    }

    private static (Connection Near, Connection Far) Open(int capacity)
    {
        var transport = new MemoryTransport(capacity);
        using var listener = transport.Listen("memory", 0);
        using var pending = transport.Connect(listener.Address);
        pending.Poll(out var near);
        listener.TryAccept(out var far);
        return (near!, far!);
    }
}
