using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>A process that has connected and not yet said what it shares.</summary>
internal sealed class SharedMemoryAccepting(Socket socket, int peerId, long startedAt) : IDisposable
{
    private readonly byte[] _hello = new byte[SharedMemoryHello.Bytes];
    private int _received;

    /// <summary>When it connected.</summary>
    public long StartedAt => startedAt;

    /// <summary>There is nothing to wait for: the connection was handed out, or the other side is of no use.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Looks for the rest of the hello, and answers it.</summary>
    public SharedMemoryConnection? Poll(string directory)
    {
        while (!IsOver && _received < _hello.Length)
        {
            var count = socket.Receive(_hello.AsSpan(_received), SocketFlags.None, out var error);
            if (count <= 0)
            {
                IsOver = !SocketErrors.IsWouldBlock(error);
                break;
            }

            _received += count;
        }

        return IsOver || _received < _hello.Length ? null : Finish(directory);
    }

    public void Dispose()
    {
        IsOver = true;
        socket.Dispose();
    }

    private SharedMemoryConnection? Finish(string directory)
    {
        IsOver = true;
        SharedMemoryMap? map = null;
        var answer = SharedMemoryHello.Read(_hello, out var name, out var layout);
        if (answer == SharedMemoryAnswer.Mapped)
        {
            using var file = SharedMemoryFile.TryOpen(directory, name, layout, out _);
            map = file is null ? null : SharedMemoryMap.TryMap(file, layout);
            answer = file is null ? SharedMemoryAnswer.OddFile
                : map is null ? SharedMemoryAnswer.NoMemory
                : SharedMemoryAnswer.Mapped;
        }

        Span<byte> bytes = stackalloc byte[SharedMemoryHello.AnswerBytes];
        SharedMemoryHello.WriteAnswer(bytes, answer);
        if (socket.Send(bytes, SocketFlags.None, out _) == bytes.Length && map is not null)
        {
            return new SharedMemoryConnection(map, socket, peerId, isListeningSide: true);
        }

        map?.Dispose();
        return null;
    }
}
