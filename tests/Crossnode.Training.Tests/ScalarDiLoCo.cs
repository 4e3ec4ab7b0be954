namespace Crossnode.Training.Tests;

/// <summary>DiLoCo of all members in one loop, one number at a time, as its equations say: what the strategy is compared with.</summary>
/// <remarks>A member is a vector of parameters and a local step, here plain SGD on <see cref="LinearModel"/>'s samples.</remarks>
internal sealed class ScalarDiLoCo(int members, int size, double localRate, double eta, double mu)
{
    private readonly double[] _momentum = new double[size];

    public double[] Outer { get; } = new double[size];

    public List<double[]> Members { get; } = [.. Enumerable.Range(0, members).Select(_ => new double[size])];

    /// <summary>A local step of one member on the mean over samples.</summary>
    public void Local(int member, params IReadOnlyList<long> samples)
    {
        var theta = Members[member];
        var gradient = new double[size];
        foreach (var index in samples)
        {
            var (x, y) = LinearModel.Sample(index, size);
            var error = Enumerable.Range(0, size).Sum(i => x[i] * theta[i]) - y;
            for (var i = 0; i < size; i++)
            {
                gradient[i] += 2 * error * x[i] / samples.Count;
            }
        }

        for (var i = 0; i < size; i++)
        {
            theta[i] -= localRate * gradient[i];
        }
    }

    /// <summary>An outer step by the mean over some members; all begin anew from it.</summary>
    public void Average(params IReadOnlyList<int> who)
    {
        for (var i = 0; i < size; i++)
        {
            var delta = who.Average(m => Outer[i] - Members[m][i]);
            _momentum[i] = (mu * _momentum[i]) + delta;
            Outer[i] -= eta * (delta + (mu * _momentum[i]));
            Members.ForEach(theta => theta[i] = Outer[i]);
        }
    }
}
