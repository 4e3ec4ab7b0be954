using System.Net.Sockets;
using Crossnode.Core.Errors;

namespace Crossnode.Transport.Tests;

[Trait("tier", "integration")]
public sealed class SharedMemoryTransportTests : IDisposable
{
    private readonly SharedFolder _folder = new();

    [Fact]
    public void A_name_is_an_address_and_leaves_no_file()
    {
        var name = _folder.NewName();
        using var listener = new SharedMemoryTransport(_folder.Options).Listen(name);
        Assert.Equal("shm:" + name, listener.Address);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_file_exists_only_while_a_connection_is_opened()
    {
        var transport = new SharedMemoryTransport(_folder.Options);
        using var listener = transport.Listen(_folder.NewName());
        using var pending = transport.Connect(listener.Address);
        var file = Assert.Single(_folder.Files);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }

        Assert.StartsWith($"crossnode-{Environment.ProcessId}-", Path.GetFileName(file), StringComparison.Ordinal);
        Assert.True(listener.TryAccept(out var far));
        using var near = SharedFolder.Finish(pending);
        Assert.Empty(_folder.Files);
        near.TrySend([1, 2, 3], out _);
        Assert.Equal(IoStatus.Done, far.TryReceive(new byte[8], out var received));
        Assert.Equal(3, received);
        far.Dispose();
    }

    [Fact]
    public void An_attempt_given_up_or_refused_leaves_no_file()
    {
        var transport = new SharedMemoryTransport(_folder.Options);
        var listener = transport.Listen(_folder.NewName());
        transport.Connect(listener.Address).Dispose();
        Assert.Empty(_folder.Files);
        using var refused = transport.Connect(listener.Address);
        listener.Dispose();
        Assert.Equal(ConnectStatus.Failed, SharedFolder.Await(refused, out _));
        Assert.Equal($"pid {Environment.ProcessId} at {listener.Address} closed the connection without an answer", refused.Failure);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void Nobody_listening_is_known_at_once()
    {
        using var pending = new SharedMemoryTransport(_folder.Options).Connect("shm:nobody");
        Assert.Equal(ConnectStatus.Failed, pending.Poll(out _));
        Assert.True(pending.IsRefused);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_full_backlog_is_known_at_once()
    {
        var name = _folder.NewName();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint("\0crossnode/" + name));
        socket.Listen(0);
        var attempts = new List<PendingConnect>();
        do
        {
            attempts.Add(new SharedMemoryTransport(_folder.Options).Connect("shm:" + name));
        }
        while (attempts[^1].Poll(out _) == ConnectStatus.Pending && attempts.Count < 100);

        Assert.Equal($"connection refused by shm:{name}: too many connections wait to be accepted there", attempts[^1].Failure);
        Assert.False(attempts[^1].IsRefused);
        attempts.ForEach(attempt => attempt.Dispose());
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void Without_a_shared_directory_the_reason_is_given()
    {
        var transport = new SharedMemoryTransport(_folder.Options with { Directory = "/no/such" });
        Assert.Equal("there is no /no/such", transport.WhyUnavailable);
        using var pending = transport.Connect("shm:x");
        Assert.Equal(ConnectStatus.Failed, pending.Poll(out _));
        Assert.Equal("cannot connect to shm:x: there is no /no/such", pending.Failure);
        Assert.Throws<InputException>(() => transport.Listen("x"));
    }

    [Fact]
    public void A_directory_without_room_is_an_error_and_no_signal()
    {
        using var listener = new SharedMemoryTransport(_folder.Options).Listen(_folder.NewName());
        using var mount = SmallMount.TryCreate(_folder);
        Assert.SkipUnless(mount is not null || Environment.GetEnvironmentVariable("CROSSNODE_CI") is not null, "needs the right to mount a tmpfs");
        var options = _folder.Options with { Directory = mount!.Path, RingBytes = 1 << 20 };
        using var pending = new SharedMemoryTransport(options).Connect(listener.Address);
        Assert.Equal(ConnectStatus.Failed, pending.Poll(out _));
        Assert.Contains("has no room for 2052 KiB: make it larger (with containers: --shm-size)", pending.Failure, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(mount.Path));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(2048)]
    [InlineData((1 << 20) + 4096)]
    [InlineData(1 << 29)]
    public void A_ring_of_odd_size_is_refused(int bytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SharedMemoryTransport(_folder.Options with { RingBytes = bytes }));

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("\0")]
    [InlineData("é")]
    public void A_name_of_odd_form_is_refused(string name)
    {
        var transport = new SharedMemoryTransport(_folder.Options);
        Assert.Throws<InputException>(() => transport.Listen(name));
        Assert.Throws<InputException>(() => transport.Connect("shm:" + name));
        Assert.Throws<InputException>(() => transport.Listen(new string('x', SharedMemoryTransport.LongestName + 1)));
    }

    [Fact]
    public void The_longest_name_works_and_another_name_is_another_listener()
    {
        var transport = new SharedMemoryTransport(_folder.Options);
        var name = new string('x', SharedMemoryTransport.LongestName - 8) + _folder.NewName()[^8..];
        using var longest = transport.Listen(name);
        using var shorter = transport.Listen(name[..^1]);
        using var pending = transport.Connect(longest.Address);
        Assert.False(shorter.TryAccept(out _));
        Assert.True(longest.TryAccept(out var far));
        SharedFolder.Finish(pending).Dispose();
        far.Dispose();
    }

    [Fact]
    public void One_poller_watches_TCP_and_shared_memory()
    {
        var tcp = new TcpTransport();
        using var door = tcp.Listen("127.0.0.1", 0);
        using var dial = tcp.Connect(door.Address);
        using var outer = SharedFolder.Finish(dial);
        Connection? inner;
        while (!door.TryAccept(out inner))
        {
        }

        var (near, far) = _folder.Open();
        using var poller = tcp.CreatePoller();
        poller.Watch(inner, read: true, write: false);
        poller.Watch(far, read: true, write: false);
        poller.Wait(TimeSpan.FromMilliseconds(1));
        Assert.False(poller.IsReady(inner) || poller.IsReady(far));
        foreach (var (sender, receiver, other) in new[] { (outer, inner, far), (near, far, inner) })
        {
            using var later = new Worker(() => sender.TrySend([1], out _));
            do
            {
                poller.Wait(TransportContract.Patience);
            }
            while (!poller.IsReady(receiver));

            Assert.False(poller.IsReady(other));
            later.Join();
            receiver.TryReceive(new byte[1], out _);
        }

        inner.Dispose();
        near.Dispose();
        far.Dispose();
    }

    [Fact]
    public void A_process_that_says_nothing_is_dropped_in_time()
    {
        var time = new ManualTime();
        using var listener = new SharedMemoryTransport(_folder.Options with { Time = time }).Listen(_folder.NewName());
        using var mute = RawPeer.Connect(listener);
        Assert.False(listener.TryAccept(out _));
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(listener.TryAccept(out _));
        Assert.False(RawPeer.IsClosed(mute));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(listener.TryAccept(out _));
        Assert.True(RawPeer.IsClosed(mute));
    }

    [Fact]
    public void A_hello_in_two_parts_is_taken_and_does_not_hold_up_others()
    {
        var transport = new SharedMemoryTransport(_folder.Options);
        using var listener = transport.Listen(_folder.NewName());
        using var poller = transport.CreatePoller();
        poller.Watch(listener);
        var layout = new SharedMemoryLayout(1 << 16);
        using var file = SharedMemoryFile.TryCreate(_folder.Path, _folder.Options.Random, layout, out _);
        var hello = RawPeer.Hello(file!.Name, layout);
        using var slow = RawPeer.Connect(listener);
        slow.Send(hello.AsSpan(0, 10));
        Assert.False(listener.TryAccept(out _));
        using var pending = transport.Connect(listener.Address);
        Assert.True(listener.TryAccept(out var quick));
        SharedFolder.Finish(pending).Dispose();
        using var rest = new Worker(() => slow.Send(hello.AsSpan(10)));
        Connection? late;
        while (!listener.TryAccept(out late))
        {
            poller.Wait(TransportContract.Patience);
        }

        Assert.Equal(SharedMemoryAnswer.Mapped, RawPeer.Answer(slow));
        rest.Join();
        quick.Dispose();
        late.Dispose();
    }

    [Fact]
    public void Hello_and_answer_keep_their_bytes()
    {
        var hello = RawPeer.Hello("crossnode-1-2-3", new SharedMemoryLayout(1 << 20));
        Assert.Equal("434E534D01000F000000100000000000", Convert.ToHexString(hello[..16]));
        Assert.Equal("crossnode-1-2-3", System.Text.Encoding.ASCII.GetString(hello[16..31]));
        Assert.Equal(96, hello.Length);
        Assert.All(hello[31..], b => Assert.Equal(0, b));
        var answer = new byte[SharedMemoryHello.AnswerBytes];
        SharedMemoryHello.WriteAnswer(answer, SharedMemoryAnswer.OddFile);
        Assert.Equal("434E534D01000200", Convert.ToHexString(answer));
    }

    public void Dispose() => _folder.Dispose();

    private sealed class ManualTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
