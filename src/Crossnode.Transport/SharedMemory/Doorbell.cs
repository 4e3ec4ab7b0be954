using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>The Unix socket beside the rings: a byte in it says look, and its end says that the other process is gone.</summary>
/// <remarks>
/// Two threads may sleep on one connection while a third uses it. So only the poller takes bytes out, and only when nobody
/// sleeps any more: a byte stays until each sleeper has seen it.
/// </remarks>
internal sealed class Doorbell(Socket socket) : IDisposable
{
    private static readonly byte[] OneByte = [1];
    private readonly Lock _gate = new();
    private int _sleepers;
    private volatile bool _hasHungUp;

    public Socket Socket => socket;

    /// <summary>The other end is closed, as far as anyone has looked.</summary>
    public bool HasHungUp => _hasHungUp;

    /// <summary>Guards the flags in shared memory: who sleeps sets them, and the last one up clears them.</summary>
    public Lock Gate => _gate;

    public void AddSleeper() => _sleepers++;

    /// <summary>Counts a sleeper out.</summary>
    /// <returns>Whether it was the last one.</returns>
    public bool RemoveSleeper() => --_sleepers == 0;

    /// <summary>Rings. A full socket holds enough bytes to wake anyone; a broken one is found by looking.</summary>
    public void Ring() => socket.Send(OneByte, SocketFlags.None, out _);

    /// <summary>Asks the system whether the other end is closed.</summary>
    public void Look() => _hasHungUp = _hasHungUp || Libc.HasHungUp(socket.Handle);

    /// <summary>Takes out the bytes that have rung.</summary>
    public void Answer()
    {
        lock (_gate)
        {
            if (_sleepers > 0)
            {
                return;
            }

            try
            {
                Span<byte> bytes = stackalloc byte[64];
                SocketError error;
                while (socket.Receive(bytes, SocketFlags.None, out error) == bytes.Length)
                {
                }

                Look();
            }
            catch (ObjectDisposedException)
            {
                // Its user disposed the connection while this thread slept.
            }
        }
    }

    public void Dispose() => socket.Dispose();
}
