using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Models.Text;

/// <summary>Cuts a text into windows and deals them in micro-batches; which ones follows from seed and index alone.</summary>
/// <remarks>
/// In every epoch the text is cut anew, from another first byte on, and the windows are shuffled: each is dealt once. Any
/// process makes any micro-batch without having made those before it. Not for use by several threads at once.
/// </remarks>
public sealed class BatchSource
{
    private readonly ReadOnlyMemory<byte> _text;
    private readonly ulong _seed;
    private int[] _order = [];
    private int _firstByte;
    private long _epoch = -1;

    /// <param name="text">The text.</param>
    /// <param name="context">Bytes of one window.</param>
    /// <param name="batch">Windows of one micro-batch.</param>
    /// <param name="seed">Another seed, another order.</param>
    /// <exception cref="InputException">The text is shorter than one micro-batch.</exception>
    public BatchSource(ReadOnlyMemory<byte> text, int context, int batch, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        // The last byte of a window's targets and the moving first byte cost two windows at most.
        Windows = (text.Length / context) - 2;
        if (Windows < batch)
        {
            throw new InputException(
                $"The text has {text.Length} bytes, too few for micro-batches of {batch} windows of {context}: name more with --data, or make the batch or the context smaller.");
        }
        (_text, Context, Batch, _seed) = (text, context, batch, seed);
    }

    /// <summary>Bytes of one window.</summary>
    public int Context { get; }

    /// <summary>Windows of one micro-batch.</summary>
    public int Batch { get; }

    /// <summary>Windows of one epoch.</summary>
    public int Windows { get; }

    /// <summary>Micro-batches of one epoch; windows that fill none are left for another epoch's order.</summary>
    public long BatchesPerEpoch => Windows / Batch;

    /// <summary>Writes a micro-batch: inputs, and as targets the byte after each.</summary>
    /// <param name="index">Any number from 0 on; past the first epoch's they go on into the next.</param>
    /// <param name="inputs">Batch x Context bytes, window after window.</param>
    /// <param name="targets">As many.</param>
    public void Fill(long index, Span<byte> inputs, Span<byte> targets)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfNotEqual(inputs.Length, Batch * Context);
        ArgumentOutOfRangeException.ThrowIfNotEqual(targets.Length, Batch * Context);
        Shuffle(index / BatchesPerEpoch);
        var first = (int)(index % BatchesPerEpoch) * Batch;
        for (var i = 0; i < Batch; i++)
        {
            var at = _firstByte + (_order[first + i] * Context);
            _text.Span.Slice(at, Context).CopyTo(inputs[(i * Context)..]);
            _text.Span.Slice(at + 1, Context).CopyTo(targets[(i * Context)..]);
        }
    }

    private void Shuffle(long epoch)
    {
        if (epoch == _epoch)
        {
            return;
        }
        // Two generators in a row, or seed 1 in epoch 0 and seed 0 in epoch 1 would deal alike.
        var random = new DeterministicRandom(new DeterministicRandom(_seed).NextUInt64() + (ulong)epoch);
        _firstByte = random.NextInt32(Context);
        _order = new int[Windows];
        for (var i = 0; i < _order.Length; i++)
        {
            _order[i] = i;
        }
        random.Shuffle<int>(_order);
        _epoch = epoch;
    }
}
