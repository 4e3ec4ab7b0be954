using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.Tests;

/// <summary>Least squares with one flat parameter vector, in plain loops: what strategies are compared on.</summary>
internal sealed class LinearModel : ILocalOptimizer
{
    private readonly double _rate;

    public LinearModel(int size, double rate, ElementType type = ElementType.Float64)
    {
        _rate = rate;
        // Two tensors, so that buckets cut across their border.
        var layout = FlatBuffer.Layout([("first", size / 3), ("second", size - (size / 3))]);
        Flat = new FlatModel(
            [FlatBuffer.Allocate(type, layout)], [FlatBuffer.Allocate(type, layout)], [FlatBuffer.Allocate(type, layout)]);
    }

    public FlatModel Flat { get; }

    public double LearningRate => _rate;

    public int Applied { get; private set; }

    public Span<double> Parameters => Flat.Parameters[0].AsSpan<double>();

    public Span<double> Gradients => Flat.Gradients[0].AsSpan<double>();

    /// <summary>The features and the target of one sample, from its number alone.</summary>
    public static (double[] X, double Y) Sample(long index, int size)
    {
        var random = new DeterministicRandom((ulong)index);
        var x = new double[size];
        for (var i = 0; i < size; i++)
        {
            x[i] = random.NextDouble() - 0.5;
        }

        return (x, x.Sum() + random.NextDouble());
    }

    /// <summary>The mean gradient over samples; zeros when there are none.</summary>
    public void Backward(IReadOnlyCollection<long> samples)
    {
        Gradients.Clear();
        foreach (var index in samples)
        {
            var (x, y) = Sample(index, Parameters.Length);
            var error = -y;
            for (var i = 0; i < x.Length; i++)
            {
                error += x[i] * Parameters[i];
            }

            for (var i = 0; i < x.Length; i++)
            {
                Gradients[i] += 2 * error * x[i] / samples.Count;
            }
        }
    }

    public void Apply()
    {
        Applied++;
        for (var i = 0; i < Parameters.Length; i++)
        {
            Parameters[i] -= _rate * Gradients[i];
        }
    }

    public StepContext Context(ICommunicator communicator, long step, long samples) => new()
    {
        Model = Flat,
        Step = step,
        Samples = samples,
        Communicator = communicator,
        Optimizer = this,
    };
}
