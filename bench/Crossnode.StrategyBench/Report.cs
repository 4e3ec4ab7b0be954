using System.Globalization;

namespace Crossnode.StrategyBench;

/// <summary>The table of trials: a line each as it ends, then means, then whether DiLoCo's bytes are exactly 1/H.</summary>
internal sealed class Report(TextWriter output)
{
    private readonly List<TrialResult> _results = [];

    public void Head()
    {
        output.WriteLine("| seed | mode | held-out loss | ratio to synchronous | payload bytes after the first fifth | seconds |");
        output.WriteLine("|---|---|---|---|---|---|");
    }

    public void Add(TrialResult trial)
    {
        _results.Add(trial);
        Print($"| {trial.Seed} | {trial.Mode} | {trial.Loss:0.0000} | {Text(Ratio(trial))} | {trial.PayloadBytes} | {trial.Seconds:0} |");
    }

    public void Means()
    {
        foreach (var trials in _results.GroupBy(r => r.Mode))
        {
            var ratios = trials.Select(Ratio).OfType<double>().ToList();
            var spread = ratios.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ({ratios.Min():0.0000} to {ratios.Max():0.0000})") : "";
            var synchronous = trials.Sum(t => Synchronous(t)?.PayloadBytes ?? 0);
            var bytes = synchronous == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{(double)trials.Sum(t => t.PayloadBytes) / synchronous:0.######} of synchronous");
            Print($"| mean | {trials.Key} | {trials.Average(t => t.Loss):0.0000} | {Text(ratios.Count > 0 ? ratios.Average() : null)}{spread} | {bytes} | |");
        }
    }

    /// <summary>Says whether every trial of DiLoCo sent exactly 1/H of its synchronous one's bytes.</summary>
    public bool IsExact(int syncEvery)
    {
        var exact = _results.Where(r => r.Mode == Mode.DiLoCo)
            .All(r => Synchronous(r) is not { } s || r.PayloadBytes * syncEvery == s.PayloadBytes);
        output.WriteLine($"payload bytes of DiLoCo are {(exact ? "exactly" : "NOT")} 1/{syncEvery}");
        return exact;
    }

    private static string Text(double? ratio) => ratio?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "";

    private TrialResult? Synchronous(TrialResult trial) =>
        _results.SingleOrDefault(r => r.Seed == trial.Seed && r.Mode == Mode.Synchronous);

    private double? Ratio(TrialResult trial) => trial.Loss / Synchronous(trial)?.Loss;

    private void Print(FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
