using Crossnode.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.Models;

public sealed partial class Gpt
{
    /// <summary>Writes on from a prompt, one byte after another.</summary>
    /// <param name="prompt">What stands before; of a long one only the last bytes that fit the context count. Empty: a new line.</param>
    /// <param name="count">Bytes to write.</param>
    /// <param name="temperature">0 takes the likeliest byte every time, 1 draws as the model believes.</param>
    /// <param name="seed">Same seed, same text.</param>
    /// <returns>The new bytes, without the prompt.</returns>
    public byte[] Generate(ReadOnlySpan<byte> prompt, int count, double temperature, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(temperature);
        var random = new DeterministicRandom(seed);
        var text = new List<byte>(prompt.IsEmpty ? "\n"u8.ToArray() : prompt.ToArray());
        var start = text.Count;
        using var noGrad = no_grad();
        for (var i = 0; i < count; i++)
        {
            var known = Math.Min(text.Count, Options.Context);
            text.Add(Draw(LastLogits([.. text[^known..]]), temperature, random));
        }
        return [.. text[start..]];
    }

    private float[] LastLogits(byte[] window)
    {
        using var scope = NewDisposeScope();
        var input = tensor(window, ScalarType.Byte).unsqueeze(0).to(_wte.weight!.device);
        return forward(input)[0, -1].to(ScalarType.Float32).cpu().data<float>().ToArray();
    }

    private static byte Draw(float[] logits, double temperature, DeterministicRandom random)
    {
        var best = Array.IndexOf(logits, logits.Max());
        if (temperature == 0)
        {
            return (byte)best;
        }
        var weights = Array.ConvertAll(logits, l => Math.Exp((l - logits[best]) / temperature));
        var left = random.NextDouble() * weights.Sum();
        for (var i = 0; i < weights.Length; i++)
        {
            left -= weights[i];
            if (left < 0)
            {
                return (byte)i;
            }
        }
        return (byte)best;
    }
}
