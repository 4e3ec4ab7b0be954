using System.Diagnostics;

namespace Crossnode.Transport.Tests;

/// <summary>Peers of the same user that break the rules: they are refused or fail, and no byte outside the ring is touched.</summary>
[Trait("tier", "integration")]
public sealed class SharedMemoryHostileTests : IDisposable
{
    private static readonly SharedMemoryLayout Layout = new(1 << 16);
    private readonly SharedFolder _folder = new();

    [Theory]
    [InlineData("")]
    [InlineData("passwd")]
    [InlineData("../../etc/passwd")]
    [InlineData("crossnode-1-2-../../../../../../etc/shadow.....")]
    [InlineData("crossnode-1-2-0123456789abcdef0123456789abcde/")]
    public void A_file_of_another_name_is_not_opened(string name) => Assert.Equal(SharedMemoryAnswer.OddFile, Offer(name, Layout));

    [Fact]
    public void A_file_that_is_as_it_should_be_is_mapped() => Assert.Equal(SharedMemoryAnswer.Mapped, Offer(Make(), Layout));

    [Fact]
    public void A_missing_file_is_refused() => Assert.Equal(SharedMemoryAnswer.OddFile, Offer(NewFileName(), Layout));

    [Fact]
    public void A_file_that_others_may_read_is_refused()
    {
        var name = Make();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        }

        Assert.Equal(SharedMemoryAnswer.OddFile, Offer(name, Layout));
    }

    [Fact]
    public void A_file_of_another_size_is_refused()
    {
        var name = Make();
        using (var file = new FileStream(PathOf(name), FileMode.Open))
        {
            file.SetLength(Layout.FileBytes - 1);
        }

        Assert.Equal(SharedMemoryAnswer.OddFile, Offer(name, Layout));
        Assert.Equal(SharedMemoryAnswer.OddFile, Offer(Make(), new SharedMemoryLayout(1 << 17)));
    }

    [Fact]
    public void A_symbolic_link_is_not_followed()
    {
        var name = NewFileName();
        File.CreateSymbolicLink(PathOf(name), PathOf(Make()));
        Assert.Equal(SharedMemoryAnswer.OddFile, Offer(name, Layout));
    }

    [Fact]
    public void A_file_with_a_second_name_is_refused()
    {
        var name = NewFileName();
        Assert.Equal(0, Run("ln", PathOf(Make()), PathOf(name)));
        Assert.Equal(SharedMemoryAnswer.OddFile, Offer(name, Layout));
    }

    [Fact]
    public void A_pipe_is_refused_without_waiting_for_it()
    {
        var name = NewFileName();
        Assert.Equal(0, Run("mkfifo", "-m", "600", PathOf(name)));
        Assert.Equal(SharedMemoryAnswer.OddFile, Offer(name, Layout));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-4096)]
    [InlineData(12288)]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    public void A_ring_of_odd_size_is_refused(long ringBytes)
    {
        var hello = RawPeer.Hello(Make(), Layout);
        BitConverter.TryWriteBytes(hello.AsSpan(8), ringBytes);
        Assert.Equal(SharedMemoryAnswer.OddFile, Send(hello));
    }

    [Fact]
    public void A_name_longer_than_its_place_is_refused()
    {
        var hello = RawPeer.Hello(Make(), Layout);
        BitConverter.TryWriteBytes(hello.AsSpan(6), ushort.MaxValue);
        Assert.Equal(SharedMemoryAnswer.OddFile, Send(hello));
    }

    [Fact]
    public void Another_version_or_protocol_is_refused()
    {
        var hello = RawPeer.Hello(Make(), Layout);
        hello[4]++;
        Assert.Equal(SharedMemoryAnswer.OtherVersion, Send(hello));
        Assert.Equal(SharedMemoryAnswer.OtherVersion, Send(new byte[hello.Length]));
    }

    [Theory]
    [InlineData(1 << 16, true)]
    [InlineData((1 << 16) + 1, false)]
    [InlineData(long.MaxValue, false)]
    [InlineData(long.MinValue, false)]
    [InlineData(-1, false)]
    public void A_sender_position_that_cannot_be_fails_the_link(long written, bool isPossible)
    {
        using var pair = new RingPair(_folder);
        pair.SetWritten(written);
        var buffer = new byte[1 << 17];
        if (isPossible)
        {
            Assert.Equal(IoStatus.Done, pair.Far.TryReceive(buffer, out var received));
            Assert.Equal(written, received);
            return;
        }

        Assert.Equal(IoStatus.Failed, pair.Far.TryReceive(buffer, out _));
        Assert.Contains("a position that cannot be", pair.Far.Failure, StringComparison.Ordinal);
        Assert.Equal(IoStatus.Failed, pair.Far.TryPeek(out var bytes));
        Assert.True(bytes.IsEmpty);
        Assert.Equal(IoStatus.Failed, pair.Far.TrySend([1], out _));
    }

    [Fact]
    public void A_sender_position_that_goes_back_fails_the_link()
    {
        using var pair = new RingPair(_folder);
        pair.Near.TrySend(new byte[100], out _);
        Assert.Equal(IoStatus.Done, pair.Far.TryPeek(out _));
        pair.SetWritten(99);
        Assert.Equal(IoStatus.Done, pair.Far.TryReceive(new byte[100], out var received));
        Assert.Equal(100, received);
        Assert.Equal(IoStatus.Failed, pair.Far.TryReceive(new byte[100], out _));
        Assert.Equal(IoStatus.Failed, pair.Far.TryReceive(new byte[100], out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    public void A_receiver_position_ahead_of_what_was_sent_fails_the_link(long ahead)
    {
        using var pair = new RingPair(_folder);
        var block = new byte[1 << 16];
        Assert.Equal(IoStatus.Done, pair.Near.TrySend(block, out var sent));
        Assert.Equal(block.Length, sent);
        pair.SetRead(sent + ahead);
        if (ahead == -1)
        {
            Assert.Equal(IoStatus.Done, pair.Near.TrySend(block, out _));
            pair.SetRead(0);
        }

        Assert.Equal(IoStatus.Failed, pair.Near.TrySend(block, out _));
        Assert.Contains("a position that cannot be", pair.Near.Failure, StringComparison.Ordinal);
        Assert.Equal(IoStatus.Failed, pair.Near.TryReserve(out var room));
        Assert.True(room.IsEmpty);
        pair.Far.TrySend([5], out _);
        Assert.Equal(IoStatus.Done, pair.Near.TryReceive(block, out _));
        Assert.Equal(IoStatus.Failed, pair.Near.TryReceive(block, out _));
    }

    [Fact]
    public void A_corrupt_position_wakes_who_waits_and_breaks_the_link_for_both()
    {
        using var pair = new RingPair(_folder);
        pair.SetWritten(-5);
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        poller.Watch(pair.Far, read: true, write: false);
        poller.Wait(TransportContract.Patience);
        Assert.True(poller.IsReady(pair.Far));
        Assert.Equal(IoStatus.Failed, pair.Far.TryReceive(new byte[1], out _));
        pair.Far.Dispose();
        Assert.Equal(IoStatus.Failed, pair.Near.TryReceive(new byte[1], out _));
    }

    [Fact]
    public void An_end_that_cannot_be_is_a_failure()
    {
        using var pair = new RingPair(_folder);
        pair.SetNearEnd(77);
        Assert.Equal(IoStatus.Failed, pair.Far.TryReceive(new byte[1], out _));
        Assert.Contains("it ended with 77", pair.Far.Failure, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static int Run(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }

    private string NewFileName() => SharedMemoryName.Create(_folder.Options.Random);

    private string PathOf(string name) => Path.Combine(_folder.Path, name);

    private string Make()
    {
        // A copy, since the file itself goes with its object.
        using var file = SharedMemoryFile.TryCreate(_folder.Path, _folder.Options.Random, Layout, out _);
        var name = NewFileName();
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var copy = new FileStream(PathOf(name), options);
        copy.SetLength(RandomAccess.GetLength(file!.Handle));
        return name;
    }

    private SharedMemoryAnswer Offer(string name, SharedMemoryLayout layout) => Send(RawPeer.Hello(name, layout));

    private SharedMemoryAnswer Send(byte[] hello)
    {
        using var listener = new SharedMemoryTransport(_folder.Options).Listen(_folder.NewName());
        using var socket = RawPeer.Connect(listener);
        socket.Send(hello);
        var isAccepted = listener.TryAccept(out var connection);
        connection?.Dispose();
        var answer = RawPeer.Answer(socket);
        Assert.Equal(answer == SharedMemoryAnswer.Mapped, isAccepted);
        return answer;
    }
}
