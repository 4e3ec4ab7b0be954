using Crossnode.Models.Text;

namespace Crossnode.Cli.Training;

/// <summary>Computes what count models reach on the held-out text, while the workers train.</summary>
internal sealed class CountLosses(Corpus corpus)
{
    /// <summary>Losses in nats per byte; the index is the bytes of context.</summary>
    public Task<double[]> Result { get; } = Task.Run(() => new CountModel(corpus.Training.Span).NatsPerByte(corpus.HeldOut.Span));
}
