using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.Models;

/// <summary>Measures a model on a text that it does not learn.</summary>
/// <remarks>
/// Windows of the model's context overlap by half, and only the second half of each counts: every byte that counts has at
/// least half a context before it, as every byte of a count model has all of its own. Windows are taken evenly over the text
/// and may be shared out: the sums of all parts are those of one measurement.
/// </remarks>
public static class HeldOutLoss
{
    private const int WindowsAtOnce = 32;

    /// <summary>Sums the cross-entropy over one part of the windows.</summary>
    /// <param name="model">The model; its gradients are not touched.</param>
    /// <param name="text">The held-out text.</param>
    /// <param name="windows">At most so many windows of the whole text, over all parts.</param>
    /// <param name="part">Which part, from 0.</param>
    /// <param name="parts">How many parts share the work.</param>
    /// <returns>Nats, and the bytes that they are for; both 0 when the part has no window.</returns>
    public static (double Nats, long Bytes) Measure(Gpt model, ReadOnlyMemory<byte> text, int windows, int part = 0, int parts = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(windows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)part, (uint)parts);
        var context = model.Options.Context;
        var read = context / 2;
        var stride = context - read;
        var available = text.Length <= context ? 0 : ((text.Length - 1 - context) / stride) + 1;
        var taken = Math.Min(windows, available);
        var starts = Enumerable.Range(0, taken).Where(i => i % parts == part).Select(i => (int)((long)i * available / taken) * stride);
        double nats = 0;
        long bytes = 0;
        using var noGrad = no_grad();
        foreach (var chunk in starts.Chunk(WindowsAtOnce))
        {
            using var scope = NewDisposeScope();
            var device = model.parameters().First().device;
            var inputs = tensor(Gather(text, chunk, 0, context), ScalarType.Byte).view(chunk.Length, context).to(device);
            var targets = tensor(Gather(text, chunk, 1, context), ScalarType.Byte).view(chunk.Length, context).to(device);
            var logits = model.forward(inputs).narrow(1, read, stride).reshape(-1, Gpt.Vocabulary);
            var counted = targets.narrow(1, read, stride).to(ScalarType.Int64).reshape(-1);
            nats += nn.functional.cross_entropy(logits, counted, reduction: nn.Reduction.Sum).item<float>();
            bytes += counted.numel();
        }
        return (nats, bytes);
    }

    private static byte[] Gather(ReadOnlyMemory<byte> text, int[] starts, int shift, int context)
    {
        var bytes = new byte[starts.Length * context];
        for (var i = 0; i < starts.Length; i++)
        {
            text.Span.Slice(starts[i] + shift, context).CopyTo(bytes.AsSpan(i * context));
        }
        return bytes;
    }
}
