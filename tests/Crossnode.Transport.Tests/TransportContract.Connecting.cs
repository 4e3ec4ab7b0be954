using Crossnode.Core.Errors;

namespace Crossnode.Transport.Tests;

// How connections begin.
public abstract partial class TransportContract
{
    [Fact]
    public void Connecting_where_nobody_listens_is_refused_in_words()
    {
        var listener = Transport.Listen(Host, 0);
        var address = listener.Address;
        listener.Dispose();
        using var pending = Transport.Connect(address);
        Assert.Equal(ConnectStatus.Failed, FinalStatus(pending));
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
        var (near, far) = Meet(listener, pending);
        pending.Dispose();
        Assert.Equal(IoStatus.Done, near.TrySend([7], out _));
        Assert.Equal(7, ReadOne(far));
    }

    [Fact]
    public void Connections_never_accepted_break_when_the_listener_goes()
    {
        var listener = Transport.Listen(Host, 0);
        var pending = Own(Transport.Connect(listener.Address));
        var near = ConnectsUnaccepted ? Finish(pending) : null;
        listener.Dispose();
        Assert.True(near is null ? FinalStatus(pending) == ConnectStatus.Failed : ReadToEnd(near, out _) == IoStatus.Failed);
    }

    private ConnectStatus FinalStatus(PendingConnect pending)
    {
        var poller = Own(Transport.CreatePoller());
        ConnectStatus status;
        while ((status = pending.Poll(out var connection)) == ConnectStatus.Pending)
        {
            Assert.Null(connection);
            poller.Watch(pending);
            poller.Wait(Patience);
        }

        return status;
    }
}
