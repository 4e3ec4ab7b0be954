using System.Buffers;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Closes a socket whose sending side is shut once the peer has ended its side too, discarding what still comes.</summary>
/// <remarks>Unread or late bytes would make the system answer with a reset, which overtakes what is still to be delivered.</remarks>
internal static class DrainThenClose
{
    private const int BufferBytes = 64 * 1024;

    // Ends by itself after drainTime, and observes its own errors.
    public static void Start(Socket socket, TimeSpan drainTime) => _ = Run(socket, drainTime);

    private static async Task Run(Socket socket, TimeSpan drainTime)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using var deadline = new CancellationTokenSource(drainTime, TimeProvider.System);
            while (await socket.ReceiveAsync(buffer, SocketFlags.None, deadline.Token).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The peer broke off, or keeps sending: there is nobody to tell.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            socket.Dispose();
        }
    }
}
