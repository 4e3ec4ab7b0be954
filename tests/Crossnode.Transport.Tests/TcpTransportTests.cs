using System.Net;
using System.Net.Sockets;
using Crossnode.Core.Errors;

namespace Crossnode.Transport.Tests;

[Trait("tier", "integration")]
public sealed class TcpTransportTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public void Listening_where_other_machines_reach_needs_the_flag(string host)
    {
        var e = Assert.Throws<InputException>(() => new TcpTransport().Listen(host, 0));
        Assert.Contains("--insecure", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Listening_on_all_addresses_works_with_the_flag()
    {
        var transport = new TcpTransport(new TcpOptions { AllowNonLoopback = true });
        using var listener = transport.Listen("0.0.0.0", 0);
        Assert.StartsWith("0.0.0.0:", listener.Address, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_of_another_machine_is_refused_in_words()
    {
        var transport = new TcpTransport(new TcpOptions { AllowNonLoopback = true });
        var e = Assert.Throws<InputException>(() => transport.Listen("192.0.2.1", 0));
        Assert.Contains("no such address", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("example", 0)]
    [InlineData("", 0)]
    [InlineData("127.0.0.1", -1)]
    [InlineData("127.0.0.1", 65536)]
    public void A_host_or_port_of_no_known_form_is_refused(string host, int port) =>
        Assert.Throws<InputException>(() => new TcpTransport().Listen(host, port));

    [Fact]
    public void Localhost_means_the_IPv4_loopback()
    {
        var transport = new TcpTransport();
        using var listener = transport.Listen("localhost", 0);
        Assert.StartsWith("127.0.0.1:", listener.Address, StringComparison.Ordinal);
        using var pending = transport.Connect(listener.Address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        using var connection = Finish(transport, pending);
        Assert.Equal(listener.Address, connection.Remote);
    }

    [Fact]
    public void IPv6_addresses_are_written_in_brackets()
    {
        using var listener = new TcpTransport().Listen("::1", 0);
        Assert.StartsWith("[::1]:", listener.Address, StringComparison.Ordinal);
    }

    [Fact]
    public void Both_ends_send_without_delay_and_give_up_in_time()
    {
        var options = new TcpOptions { UserTimeout = TimeSpan.FromSeconds(7), SendBufferBytes = 100_000, ReceiveBufferBytes = 90_000 };
        var transport = new TcpTransport(options);
        var (near, far) = Open(transport);
        using (near)
        using (far)
        {
            foreach (var end in new[] { near, far })
            {
                var socket = ((ISocketOwner)end).Socket!;
                Assert.False(socket.Blocking);
                Assert.True(socket.NoDelay);
                Assert.True(socket.SendBufferSize >= options.SendBufferBytes);
                if (OperatingSystem.IsLinux())
                {
                    var value = new byte[4];
                    socket.GetRawSocketOption(6, 18, value);
                    Assert.Equal(7000, BitConverter.ToInt32(value));
                }
            }
        }
    }

    [Fact]
    public void A_congestion_control_that_the_system_lacks_changes_nothing()
    {
        var transport = new TcpTransport(new TcpOptions { LoopbackCongestionControl = "no-such-one" });
        using var listener = transport.Listen("127.0.0.1", 0);
        using var pending = transport.Connect(listener.Address);
        using var near = Finish(transport, pending);
        Assert.Equal(IoStatus.Done, near.TrySend([1], out _));
    }

    [Fact]
    public void A_socket_that_has_met_itself_is_refused()
    {
        // The kernel may pick, for a dialled port where nobody listens, that very port as the local one.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var itself = (IPEndPoint)socket.LocalEndPoint!;
        using var pending = new TcpConnecting(itself, new TcpOptions(), new ClosingSockets(), socket);
        Assert.Equal(ConnectStatus.Failed, pending.Poll(out _));
        Assert.Equal($"connection refused by {itself}: nothing listens there", pending.Failure);
    }

    [Fact]
    public void The_poller_refuses_what_another_transport_made()
    {
        var memory = new MemoryTransport();
        using var listener = memory.Listen("memory", 0);
        using var pending = memory.Connect(listener.Address);
        pending.Poll(out var connection);
        using var poller = new TcpTransport().CreatePoller();
        Assert.Throws<ArgumentException>(() => poller.Watch(connection!, read: true, write: false));
        Assert.Throws<ArgumentException>(() => poller.Watch(listener));
    }

    [Fact]
    public void A_sub_millisecond_wait_is_short()
    {
        using var poller = new TcpTransport().CreatePoller();
        poller.Wait(TimeSpan.FromMicroseconds(100));
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        for (var i = 0; i < 100; i++)
        {
            poller.Wait(TimeSpan.FromMicroseconds(100));
        }

        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds, 9, 5000);
    }

    [Fact]
    public void A_peer_that_takes_nothing_fails_after_the_user_timeout()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux counts a full peer as one that does not answer");
        var transport = new TcpTransport(new TcpOptions { UserTimeout = TimeSpan.FromSeconds(1) });
        var (near, far) = Open(transport);
        using (near)
        using (far)
        {
            using var poller = transport.CreatePoller();
            poller.Watch(near, read: false, write: true);
            var block = new byte[64 * 1024];
            while (near.TrySend(block, out _) != IoStatus.Failed)
            {
                poller.Wait(TimeSpan.FromSeconds(20));
            }

            Assert.Contains("stopped answering", near.Failure, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task WhenClosed_waits_for_peers_to_end_but_not_for_ever()
    {
        var transport = new TcpTransport(new TcpOptions { DrainTime = TimeSpan.FromMinutes(10) });
        var (near, far) = Open(transport);
        await transport.WhenClosed();
        near.Dispose();
        var closed = transport.WhenClosed();
        Assert.False(closed.IsCompleted);
        far.Dispose();
        await closed.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        var hasty = new TcpTransport(new TcpOptions { DrainTime = TimeSpan.FromMilliseconds(100) });
        var (left, right) = Open(hasty);
        left.Dispose();
        await hasty.WhenClosed().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        right.Dispose();
    }

    private static (Connection Near, Connection Far) Open(TcpTransport transport)
    {
        using var listener = transport.Listen("127.0.0.1", 0);
        using var pending = transport.Connect(listener.Address);
        var near = Finish(transport, pending);
        Connection? far;
        while (!listener.TryAccept(out far))
        {
        }

        return (near, far);
    }

    private static Connection Finish(TcpTransport transport, PendingConnect pending)
    {
        using var poller = transport.CreatePoller();
        poller.Watch(pending);
        Connection? connection;
        ConnectStatus status;
        while ((status = pending.Poll(out connection)) == ConnectStatus.Pending)
        {
            poller.Wait(TimeSpan.FromSeconds(20));
        }

        Assert.True(status == ConnectStatus.Connected, pending.Failure);
        return connection!;
    }
}
