using System.Runtime.InteropServices;

namespace Crossnode.JoinBench.Launcher;

/// <summary>One process's part in a run: from which step on it takes steps of its own.</summary>
internal sealed record Participation(uint Number, long FirstStep);

/// <summary>Computes what the parameters must be, element by element in 64 bits, from who took part in which step.</summary>
/// <remarks>It shares nothing with the library but the equations: SGD with momentum, and DiLoCo's outer step.</remarks>
internal sealed class Oracle
{
    private const double Momentum = 0.5;
    private const double OuterRate = 0.7;
    private const double OuterMomentum = 0.9;

    // What 32-bit rounding may come to in some thousand steps; one wrong average is ten times as much in some element.
    private const double Tolerance = 2e-4;

    private readonly Assignment _assignment;
    private readonly IReadOnlyList<Participation> _participations;
    private readonly List<(Exchange Exchange, HashSet<uint> Contributors)> _history = [];

    public Oracle(
        Assignment assignment, int founders, IReadOnlyList<Participation> participations, IEnumerable<Exchange> exchanges)
    {
        _assignment = assignment;
        _participations = participations;
        var steps = new SortedDictionary<long, Exchange>();
        foreach (var exchange in exchanges)
        {
            if (!steps.TryAdd(exchange.Step, exchange)
                && (!steps[exchange.Step].Members.SequenceEqual(exchange.Members)
                    || steps[exchange.Step].Contributors != exchange.Contributors))
            {
                throw new BenchException(
                    $"members disagree about step {exchange.Step}: {Text(exchange)} or {Text(steps[exchange.Step])}");
            }
        }

        var stride = assignment.Method == Method.DataParallel ? 1 : assignment.SyncEvery;
        var level = Enumerable.Range(0, founders).Select(number => (uint)number).ToHashSet();
        var next = stride - 1L;
        foreach (var exchange in steps.Values)
        {
            if (exchange.Step != next)
            {
                throw new BenchException($"no member told of step {next}");
            }

            // Who became level in a step did not count in it.
            level.IntersectWith(exchange.Members);
            if (level.Count != exchange.Contributors)
            {
                throw new BenchException(
                    $"step {exchange.Step} averaged {exchange.Contributors} members, but {string.Join(",", level)} were level");
            }

            _history.Add((exchange, [.. level]));
            level = [.. exchange.Members];
            next += stride;
        }
    }

    public double[] Parameters()
    {
        // Parameters, and for each step by what the pattern is multiplied, do not mix elements: one scalar serves all.
        double velocity = 0;
        double moved = 0;
        long windowBegins = 0;
        foreach (var (exchange, contributors) in _history)
        {
            var mean = contributors.Sum(member => Contribution(member, windowBegins, exchange.Step)) / contributors.Count;
            if (_assignment.Method == Method.DataParallel)
            {
                velocity = exchange.Step == 0 ? mean : (Momentum * velocity) + mean;
                moved -= _assignment.LearningRate * velocity;
            }
            else
            {
                velocity = (OuterMomentum * velocity) + mean;
                moved -= OuterRate * (mean + (OuterMomentum * velocity));
            }

            windowBegins = exchange.Step + 1;
        }

        var parameters = new double[_assignment.Elements];
        for (var at = 0L; at < parameters.Length; at++)
        {
            parameters[at] = Pattern.Start(at) + (Pattern.Of(at) * moved);
        }

        return parameters;
    }

    /// <exception cref="BenchException">A value is not as expected.</exception>
    public static void Compare(double[] expected, string path, uint member)
    {
        var actual = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path));
        if (actual.Length != expected.Length)
        {
            throw new BenchException($"member {member} has {actual.Length} parameters, expected {expected.Length}");
        }

        for (var at = 0; at < actual.Length; at++)
        {
            if (!(Math.Abs(actual[at] - expected[at]) <= Tolerance * (1 + Math.Abs(expected[at]))))
            {
                throw new BenchException($"parameter {at} of member {member} is {actual[at]}, expected {expected[at]}");
            }
        }
    }

    // A gradient's factor; or how far local steps have come since the last averaging, as the pattern's factor.
    private double Contribution(uint member, long windowBegins, long step)
    {
        if (_assignment.Method == Method.DataParallel)
        {
            return Pattern.Factor(member, step);
        }

        var first = _participations.Where(p => p.Number == member && p.FirstStep <= step).Max(p => p.FirstStep);
        var sum = 0.0;
        for (var local = Math.Max(windowBegins, first); local <= step; local++)
        {
            sum += _assignment.LearningRate * Pattern.Factor(member, local);
        }

        return sum;
    }

    private static string Text(Exchange exchange) => $"{string.Join(",", exchange.Members)} of {exchange.Contributors}";
}
