using System.Diagnostics;

namespace Crossnode.Transport.Tests;

/// <summary>With real processes: one is killed, one leaves a file, one belongs to another user.</summary>
[Trait("tier", "integration")]
public sealed class SharedMemoryProcessTests : IDisposable
{
    private const int RingBytes = 1 << 16;
    private readonly SharedFolder _folder = new();

    [Fact]
    public void What_a_killed_process_had_sent_is_received_and_then_the_link_fails()
    {
        var (child, connection) = StartSender();
        var buffer = new byte[RingBytes];
        var received = 0L;
        for (var full = 0; full < 50; full++)
        {
            child.StandardOutput.ReadLine();
            received = ReceiveAll(connection, buffer, received);
        }

        // It dies in the middle of sending, or asleep with a full ring.
        Kill(child);
        received = ReceiveAll(connection, buffer, received);
        Assert.True(received > RingBytes);
        Assert.Equal(IoStatus.Failed, Await(connection, buffer, read: true));
        Assert.Equal($"the process at the other end (pid {child.Id}) is gone", connection.Failure);
        Assert.Equal(IoStatus.Failed, connection.TryReceive(buffer, out _));
        Assert.Equal(IoStatus.Failed, connection.TrySend(buffer, out _));
        Assert.Equal(received, connection.BytesReceived);
        Assert.Empty(_folder.Files);
        connection.Dispose();
    }

    [Fact]
    public void The_death_of_a_process_is_seen_by_one_that_only_spins()
    {
        var (child, connection) = StartSender();
        child.StandardOutput.ReadLine();
        Kill(child);
        var buffer = new byte[RingBytes];
        var start = Stopwatch.GetTimestamp();
        IoStatus status;
        while ((status = connection.TryReceive(buffer, out _)) != IoStatus.Failed)
        {
            Assert.True(status is IoStatus.Done or IoStatus.WouldBlock);
            Assert.True(Stopwatch.GetElapsedTime(start) < TransportContract.Patience);
        }

        Assert.Equal(RingBytes, connection.BytesReceived);
        connection.Dispose();
    }

    [Fact]
    public void The_death_of_a_process_wakes_one_that_waits_for_room()
    {
        var (child, connection) = StartSender();
        var block = new byte[RingBytes];
        while (connection.TrySend(block, out _) == IoStatus.Done)
        {
        }

        using var waiting = new Worker(() => Assert.Equal(IoStatus.Failed, Await(connection, block, read: false)));
        Kill(child);
        waiting.Join();
        Assert.Equal($"the process at the other end (pid {child.Id}) is gone", connection.Failure);
        connection.Dispose();
    }

    [Fact]
    public void A_file_left_by_a_killed_process_is_swept_and_others_are_not()
    {
        using var child = ChildProcess.Start("leave", _folder.Path);
        var left = child.StandardOutput.ReadLine()!;
        var (ours, others) = (SharedMemoryName.Create(_folder.Options.Random), "crossnode-of-somebody-else");
        File.WriteAllText(Path.Combine(_folder.Path, ours), "");
        File.WriteAllText(Path.Combine(_folder.Path, others), "");

        // Alive: not swept.
        using (new SharedMemoryTransport(_folder.Options).Listen(_folder.NewName()))
        {
            Assert.Equal(3, _folder.Files.Length);
        }

        Kill(child);
        Assert.Contains(left, _folder.Files.Select(Path.GetFileName));
        using var listener = new SharedMemoryTransport(_folder.Options).Listen(_folder.NewName());
        Assert.Equal([ours, others], _folder.Files.Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_of_an_id_used_again_is_swept_unless_somebody_holds_its_lock()
    {
        var name = SharedMemoryName.Create(_folder.Options.Random).Split('-');
        var path = Path.Combine(_folder.Path, $"crossnode-{name[1]}-1-{name[3]}");
        using (new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
        {
            SharedMemoryFile.Sweep(_folder.Path);
            Assert.Single(_folder.Files);
        }

        SharedMemoryFile.Sweep(_folder.Path);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void Another_user_is_refused_by_both_sides()
    {
        const string Nobody = "65534";
        var hasRight = Environment.IsPrivilegedProcess && File.Exists("/usr/bin/setpriv");
        Assert.SkipUnless(hasRight || Environment.GetEnvironmentVariable("CROSSNODE_CI") is not null, "needs root and setpriv");
        var transport = new SharedMemoryTransport(_folder.Options);
        using var listener = transport.Listen(_folder.NewName());
        using var child = ChildProcess.Start("intrude", listener.Address, Nobody);
        Assert.Equal(
            $"Failed: cannot share memory with {listener.Address}: pid {Environment.ProcessId} runs as user 0 and this one as {Nobody}",
            child.StandardOutput.ReadLine());
        Assert.Equal("connected", child.StandardOutput.ReadLine());
        Assert.False(listener.TryAccept(out _));
        Assert.Equal("got 0 bytes", child.StandardOutput.ReadLine());
        child.WaitForExit();
    }

    public void Dispose() => _folder.Dispose();

    private static void Kill(Process child)
    {
        child.Kill();
        child.WaitForExit();
    }

    private static long ReceiveAll(Connection connection, byte[] buffer, long received)
    {
        while (connection.TryReceive(buffer, out var count) == IoStatus.Done)
        {
            for (var i = 0; i < count; i++)
            {
                Assert.True(buffer[i] == ChildProcess.ByteAt(received + i), "a byte is out of order");
            }

            received += count;
        }

        return received;
    }

    private static IoStatus Await(Connection connection, byte[] buffer, bool read)
    {
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        poller.Watch(connection, read, !read);
        IoStatus status;
        while ((status = read ? connection.TryReceive(buffer, out _) : connection.TrySend(buffer, out _)) == IoStatus.WouldBlock)
        {
            poller.Wait(TransportContract.Patience);
        }

        return status;
    }

    private (Process Child, Connection Connection) StartSender()
    {
        var transport = new SharedMemoryTransport(_folder.Options);
        using var listener = transport.Listen(_folder.NewName());
        var child = ChildProcess.Start("send", $"{listener.Address} {_folder.Path}");
        using var poller = transport.CreatePoller();
        poller.Watch(listener);
        Connection? connection;
        while (!listener.TryAccept(out connection))
        {
            poller.Wait(TransportContract.Patience);
        }

        Assert.Equal($"pid {child.Id} over shared memory", connection.Remote);
        return (child, connection);
    }
}
