using System.CommandLine;
using System.Globalization;
using Crossnode.Models.Text;
using Crossnode.StrategyBench;
using TorchSharp;

// Trains the model of crossnode train with several strategies at equal tokens, and prints held-out losses side by side.
// Example: nice -n 19 dotnet run -c Release --project bench/Crossnode.StrategyBench -- --seeds 3
var defaults = new TrialOptions();
var seeds = new Option<int>("--seeds") { DefaultValueFactory = _ => 3, Description = "trials of each mode, with seeds from 1 on" };
var firstSeed = new Option<int>("--first-seed") { DefaultValueFactory = _ => 1, Description = "the first of these seeds" };
var steps = new Option<int>("--steps") { DefaultValueFactory = _ => defaults.Steps, Description = "steps of a trial; a fifth is synchronous" };
var syncEvery = new Option<int>("--sync-every") { DefaultValueFactory = _ => defaults.SyncEvery, Description = "local steps between averagings" };
var members = new Option<int>("--members") { DefaultValueFactory = _ => defaults.Members, Description = "members, a thread each" };
var microBatch = new Option<int>("--micro-batch") { DefaultValueFactory = _ => defaults.MicroBatch, Description = "windows of 64 bytes that a member learns from in a step" };
var data = new Option<string[]>("--data") { Description = "text to learn; none takes the .NET SDK's documentation", AllowMultipleArgumentsPerToken = true };
var root = new RootCommand("Held-out losses of strategies at equal tokens.") { seeds, firstSeed, steps, syncEvery, members, microBatch, data };
root.SetAction(parsed =>
{
    var options = defaults with
    {
        Steps = parsed.GetValue(steps),
        FirstSteps = parsed.GetValue(steps) / 5,
        SyncEvery = parsed.GetValue(syncEvery),
        Members = parsed.GetValue(members),
        MicroBatch = parsed.GetValue(microBatch),
    };
    torch.set_num_threads(1);
    var corpus = parsed.GetValue(data) is { Length: > 0 } files ? Corpus.FromFiles(files) : Corpus.FromSdk();
    var results = new List<TrialResult>();
    Console.WriteLine("| seed | mode | held-out loss | ratio to synchronous | payload bytes after the first fifth | seconds |");
    Console.WriteLine("|---|---|---|---|---|---|");
    for (var seed = parsed.GetValue(firstSeed); seed < parsed.GetValue(firstSeed) + parsed.GetValue(seeds); seed++)
    {
        foreach (var mode in Enum.GetValues<Mode>())
        {
            var result = Trial.Run(options, mode, (ulong)seed, corpus);
            results.Add(result);
            var ratio = result.Loss / results.Single(r => r.Seed == result.Seed && r.Mode == Mode.Synchronous).Loss;
            Print($"| {seed} | {mode} | {result.Loss:0.0000} | {ratio:0.0000} | {result.PayloadBytes} | {result.Seconds:0} |");
        }
    }

    foreach (var mode in Enum.GetValues<Mode>())
    {
        var pairs = results.Where(r => r.Mode == mode)
            .Select(r => (Trial: r, Synchronous: results.Single(s => s.Seed == r.Seed && s.Mode == Mode.Synchronous))).ToList();
        var loss = pairs.Average(p => p.Trial.Loss);
        var ratio = pairs.Average(p => p.Trial.Loss / p.Synchronous.Loss);
        var bytes = (double)pairs.Sum(p => p.Trial.PayloadBytes) / pairs.Sum(p => p.Synchronous.PayloadBytes);
        Print($"| mean | {mode} | {loss:0.0000} | {ratio:0.0000} | {bytes:0.######} of synchronous | |");
    }

    var exact = results.Where(r => r.Mode == Mode.DiLoCo)
        .All(r => r.PayloadBytes * options.SyncEvery == results.Single(s => s.Seed == r.Seed && s.Mode == Mode.Synchronous).PayloadBytes);
    Console.WriteLine(exact ? $"payload bytes of DiLoCo are exactly 1/{options.SyncEvery}" : $"payload bytes of DiLoCo are NOT 1/{options.SyncEvery}");
    return exact ? 0 : 1;
});
return root.Parse(args).Invoke();

static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
