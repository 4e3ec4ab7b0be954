using System.Collections.Concurrent;
using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.Joining;

/// <summary>One update of the shared state that a newcomer keeps until the state itself is here.</summary>
/// <param name="Outcome">The step that it belongs to.</param>
/// <param name="LearningRates">The learning rate of each parameter group in that step.</param>
/// <param name="Buffers">Copies of the averages, and of the averaged extras.</param>
public sealed record QueuedUpdate(StepOutcome Outcome, double[] LearningRates, IReadOnlyList<FlatBuffer> Buffers);

/// <summary>Updates in order, within a budget of bytes.</summary>
/// <remarks>
/// Memory that is used for the first time costs many times what copying costs, so it is made ready beside the caller's work: one
/// update ahead, and as many as <see cref="Prepare"/> was told. For one caller at a time.
/// </remarks>
public sealed class UpdateQueue(long budgetBytes) : IDisposable
{
    private readonly Queue<QueuedUpdate> _updates = new();
    private readonly ConcurrentStack<IReadOnlyList<FlatBuffer>> _free = new();
    private Task _preparing = Task.CompletedTask;

    /// <summary>Bytes that are held.</summary>
    public long Bytes { get; private set; }

    /// <summary>The number of updates that wait.</summary>
    public int Count => _updates.Count;

    /// <summary>Gets memory ready for so many updates of this layout, as far as the budget goes.</summary>
    public void Prepare(IReadOnlyList<FlatBuffer> source, int count)
    {
        ArgumentNullException.ThrowIfNull(source);
        var bytes = source.Sum(buffer => buffer.ByteLength);
        while (_free.Count < count && Bytes + ((_free.Count + 1) * bytes) <= budgetBytes)
        {
            _free.Push([.. source.Select(FlatBuffer.AllocateLike)]);
        }
    }

    /// <summary>Copies buffers into the queue.</summary>
    /// <returns>False when the budget does not allow it; nothing was kept then, and what waits is of no use any more.</returns>
    public bool TryAdd(StepOutcome outcome, double[] learningRates, IReadOnlyList<FlatBuffer> source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var bytes = source.Sum(buffer => buffer.ByteLength);
        if (Bytes + bytes > budgetBytes)
        {
            return false;
        }

        var copies = _free.TryPop(out var old) ? old : [.. source.Select(FlatBuffer.AllocateLike)];
        for (var i = 0; i < copies.Count; i++)
        {
            copies[i].CopyFrom(source[i]);
        }

        _updates.Enqueue(new QueuedUpdate(outcome, learningRates, copies));
        Bytes += bytes;
        if (_free.IsEmpty && _preparing.IsCompleted && Bytes + bytes <= budgetBytes)
        {
            _preparing = Task.Run(() => _free.Push([.. copies.Select(FlatBuffer.AllocateLike)]));
        }

        return true;
    }

    /// <summary>Takes the oldest update out; its buffers stay valid until <see cref="Recycle"/>.</summary>
    public bool TryTake(out QueuedUpdate? update) => _updates.TryDequeue(out update);

    /// <summary>Gives the buffers of an update back.</summary>
    public void Recycle(QueuedUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        Bytes -= update.Buffers.Sum(buffer => buffer.ByteLength);
        _free.Push(update.Buffers);
    }

    /// <summary>Forgets all that waits.</summary>
    public void Clear()
    {
        while (_updates.TryDequeue(out var update))
        {
            Recycle(update);
        }
    }

    /// <summary>Frees all memory.</summary>
    public void Dispose()
    {
        Clear();
        _preparing.Wait();
        while (_free.TryPop(out var buffers))
        {
            foreach (var buffer in buffers)
            {
                buffer.Dispose();
            }
        }
    }
}
