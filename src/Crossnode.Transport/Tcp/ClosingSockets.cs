using System.Buffers;
using System.Net.Sockets;

namespace Crossnode.Transport;

/// <summary>Sockets whose sending side is shut: each is closed once its peer has ended too, discarding what still comes.</summary>
/// <remarks>Unread or late bytes would make the system answer with a reset, which overtakes what is still to be delivered.</remarks>
internal sealed class ClosingSockets
{
    private const int BufferBytes = 64 * 1024;
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _running = [];

    public void Add(Socket socket, TimeSpan drainTime)
    {
        var task = Drain(socket, drainTime);
        if (task.IsCompleted)
        {
            return;
        }

        lock (_gate)
        {
            _running.Add(task);
        }

        task.ContinueWith(
            static (done, state) => ((ClosingSockets)state!).Remove(done),
            this,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    public Task WhenClosed()
    {
        lock (_gate)
        {
            return Task.WhenAll(_running);
        }
    }

    private static async Task Drain(Socket socket, TimeSpan drainTime)
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

    private void Remove(Task task)
    {
        lock (_gate)
        {
            _running.Remove(task);
        }
    }
}
