using Crossnode.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace OwnLoop;

/// <summary>A dataset without files: point i and its height follow from i alone.</summary>
internal static class Waves
{
    /// <summary>Points to learn: 0 to this minus 1. The points behind them are held out.</summary>
    public const long TrainingCount = 4096;

    /// <summary>Points that are only measured.</summary>
    public const int HeldOutCount = 512;

    /// <summary>The points and heights of some samples.</summary>
    public static (Tensor Inputs, Tensor Targets) Batch(IReadOnlyList<long> samples)
    {
        var inputs = new float[samples.Count, 2];
        var targets = new float[samples.Count, 1];
        for (var row = 0; row < samples.Count; row++)
        {
            var random = new DeterministicRandom((ulong)samples[row]);
            var (x, y) = ((2 * random.NextDouble()) - 1, (2 * random.NextDouble()) - 1);
            (inputs[row, 0], inputs[row, 1]) = ((float)x, (float)y);
            targets[row, 0] = (float)(Math.Sin(4 * x) * Math.Cos(3 * y));
        }

        // A tensor over a managed array starts at any address, and the last bit of a product may depend on it; a clone is aligned.
        return (tensor(inputs).clone(), tensor(targets).clone());
    }

    /// <summary>The mean squared error on the held-out points.</summary>
    public static double HeldOutLoss(nn.Module<Tensor, Tensor> model)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (inputs, targets) = Batch([.. Enumerable.Range(0, HeldOutCount).Select(i => TrainingCount + i)]);
        return nn.functional.mse_loss(model.forward(inputs), targets).item<float>();
    }
}
