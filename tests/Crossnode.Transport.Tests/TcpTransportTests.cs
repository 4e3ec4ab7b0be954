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
        using var listener = transport.Listen("127.0.0.1", 0);
        using var pending = transport.Connect(listener.Address);
        using var near = Finish(transport, pending);
        Connection? far;
        while (!listener.TryAccept(out far))
        {
        }

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
        // Ask for an ephemeral port, then dial it from itself: the kernel answers a socket with its own SYN.
        var transport = new TcpTransport();
        var range = EphemeralPort();
        for (var attempt = 0; attempt < 200; attempt++)
        {
            using var pending = transport.Connect($"127.0.0.1:{range}");
            while (pending.Poll(out var connection) is var status && status != ConnectStatus.Failed)
            {
                Assert.True(status == ConnectStatus.Pending, connection?.Remote);
            }

            Assert.Contains("nothing listens", pending.Failure, StringComparison.Ordinal);
        }
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

    private static int EphemeralPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
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
