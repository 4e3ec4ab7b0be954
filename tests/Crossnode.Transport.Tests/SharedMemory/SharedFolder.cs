namespace Crossnode.Transport.Tests;

/// <summary>A directory in /dev/shm for one test, so that it sees its own files only.</summary>
internal sealed class SharedFolder : IDisposable
{
    private int _names;

    public SharedFolder()
    {
        LinuxOnly.SharedMemory();
        Path = Directory.CreateDirectory($"/dev/shm/test-{Guid.NewGuid():N}").FullName;
    }

    public string Path { get; }

    public string[] Files => Directory.GetFiles(Path);

    public SharedMemoryOptions Options => new() { Directory = Path, RingBytes = 1 << 16 };

    public string NewName() => $"{System.IO.Path.GetFileName(Path)}/{++_names}";

    public (Connection Near, Connection Far) Open(SharedMemoryOptions? options = null)
    {
        var transport = LinuxOnly.SharedMemory(options ?? Options);
        using var listener = transport.Listen(NewName());
        using var pending = transport.Connect(listener.Address);
        using var poller = transport.CreatePoller();
        poller.Watch(listener);
        Connection? far;
        while (!listener.TryAccept(out far))
        {
            poller.Wait(TransportContract.Patience);
        }

        return (Finish(pending), far);
    }

    /// <summary>Waits until the attempt has connected.</summary>
    public static Connection Finish(PendingConnect pending)
    {
        Assert.True(Await(pending, out var connection) == ConnectStatus.Connected, pending.Failure);
        return connection!;
    }

    /// <summary>Waits until the attempt has an outcome.</summary>
    public static ConnectStatus Await(PendingConnect pending, out Connection? connection)
    {
        using var poller = LinuxOnly.SharedMemory().CreatePoller();
        poller.Watch(pending);
        ConnectStatus status;
        while ((status = pending.Poll(out connection)) == ConnectStatus.Pending)
        {
            poller.Wait(TransportContract.Patience);
        }

        return status;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
