namespace Crossnode.Transport.Tests;

/// <summary>Two ends whose counters a test can overwrite as a corrupt peer would.</summary>
internal sealed unsafe class RingPair : IDisposable
{
    private readonly SharedMemoryMap _map;

    public RingPair(SharedFolder folder)
    {
        var layout = new SharedMemoryLayout(folder.Options.RingBytes);
        using var listener = new SharedMemoryTransport(folder.Options).Listen(folder.NewName());
        var socket = RawPeer.Connect(listener);
        using var file = SharedMemoryFile.TryCreate(folder.Path, folder.Options.Random, layout, out _);
        socket.Send(RawPeer.Hello(file!.Name, layout));
        Assert.True(listener.TryAccept(out var far));
        Assert.Equal(SharedMemoryAnswer.Mapped, RawPeer.Answer(socket));
        socket.Blocking = false;
        Far = far;
        Near = new SharedMemoryConnection(SharedMemoryMap.TryMap(file.Handle, layout)!, socket, Environment.ProcessId, isListeningSide: false);
        _map = SharedMemoryMap.TryMap(file.Handle, layout)!;
    }

    public Connection Near { get; }

    public Connection Far { get; }

    /// <summary>How much the near end says that it has sent.</summary>
    public void SetWritten(long position) => Volatile.Write(ref *_map.Ring(0).Written, position);

    /// <summary>How much of it the far end says that it has read.</summary>
    public void SetRead(long position) => Volatile.Write(ref *_map.Ring(0).Read, position);

    /// <summary>How the near end says that it has ended.</summary>
    public void SetNearEnd(int end) => Volatile.Write(ref *_map.Ring(0).WriterEnd, end);

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
        _map.Dispose();
    }
}
