using System.Globalization;

namespace Crossnode.JoinBench.Shows;

/// <summary>What a join cost one holder, in seconds.</summary>
/// <param name="StepBefore">Median of the steps before.</param>
/// <param name="LongestStep">From the newcomer's coming until it was level.</param>
/// <param name="ViewChange">From PREPARE until the next view was installed.</param>
/// <param name="FirstCall">How long the first operation in that view waited for the newcomer to call it, all others being there.</param>
/// <param name="Copy">Of the state.</param>
/// <param name="SentAgain">How long the operation that the change met had been under way.</param>
/// <param name="LaterWait">The longest wait for the newcomer in a later operation, until it was level.</param>
internal sealed record HolderCost(
    double StepBefore, double LongestStep, double ViewChange, double FirstCall, double Copy, double SentAgain, double LaterWait)
{
    public double Blocked => ViewChange + FirstCall + Copy;
}

/// <summary>One join, put together from the traces of newcomer and holders.</summary>
internal sealed class JoinFigures(
    Report newcomer, double came, IReadOnlyList<string> lines, IReadOnlyList<long> before, IReadOnlyList<long> peak, IReadOnlyList<long> after)
{
    /// <summary>When it left again.</summary>
    public double Left { get; } = newcomer.Steps[^1].Ended;

    private readonly double _level = LevelAt(newcomer, lines);

    public HolderCost CostOf(Report holder, double since)
    {
        var steps = holder.Steps.Where(step => step.Ended > since && step.Ended < came).Select(step => step.Ended - step.Began).Order().ToList();
        var during = holder.Steps.Where(step => step.Ended > came && step.Began < _level).Select(step => step.Ended - step.Began);
        var frozen = holder.Log.First(line => line.At > came && line.Text.Contains("stands still", StringComparison.Ordinal)).At;
        var installed = holder.Log.First(line => line.At > frozen && line.Text.Contains("installed", StringComparison.Ordinal)).At;
        var first = newcomer.Operations[0];
        var met = holder.Operations.First(operation => operation.Sequence == first.Sequence);
        var waits = newcomer.Operations
            .Where(operation => operation.Called < _level)
            .Select(operation => (operation.Sequence, Wait: WaitFor(operation, holder, installed)))
            .ToList();
        return new HolderCost(
            steps.Count == 0 ? 0 : steps[steps.Count / 2],
            during.Max(),
            installed - frozen,
            waits[0].Wait,
            holder.CopyTimes.Where(copy => copy.At > came && copy.At < _level + 1).Sum(copy => copy.Seconds),
            met.Attempts > 1 ? Math.Max(0, frozen - met.Called) : 0,
            waits.Skip(1).Select(wait => wait.Wait).DefaultIfEmpty().Max());
    }

    public string Memory(int holder) => string.Create(
        CultureInfo.InvariantCulture, $"{before[holder] / 1e6:0}, {peak[holder] / 1e6:0}, {after[holder] / 1e6:0}");

    public string Summary()
    {
        var fetched = lines.Where(line => line.StartsWith("fetched ", StringComparison.Ordinal)).Select(line => line.Split(' ')).ToList();
        var from = new SortedDictionary<string, long>();
        long so = 0;
        foreach (var words in fetched)
        {
            var here = long.Parse(words[1], CultureInfo.InvariantCulture);
            from[words[3]] = from.GetValueOrDefault(words[3]) + Math.Max(0, here - so);
            so = here;
        }

        var entered = newcomer.Log.First(line => line.Text == "entered").At;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{string.Join(", ", from.Select(pair => $"{pair.Value / 1e6:0.0} MB from member {pair.Key}"))}; "
            + $"in the view {entered - came:0.00} s after it came, first call {newcomer.Operations[0].Called - entered:0.000} s after that, "
            + $"level {_level - came:0.00} s after it came");
    }

    // The others stand in the operation from the moment on that they have called it, in the view that has the newcomer.
    private static double WaitFor(OperationTrace operation, Report holder, double installed) =>
        holder.Operations.FirstOrDefault(own => own.Sequence == operation.Sequence) is { } own
            ? Math.Max(0, operation.Called - Math.Max(own.Called, installed))
            : 0;

    private static double LevelAt(Report newcomer, IReadOnlyList<string> lines)
    {
        var words = lines.FirstOrDefault(line => line.StartsWith("level ", StringComparison.Ordinal))?.Split(' ');
        return words is null
            ? newcomer.Log.First(line => line.Text == "entered the loop").At
            : newcomer.Steps.First(step => step.Step == long.Parse(words[1], CultureInfo.InvariantCulture)).Ended;
    }
}
