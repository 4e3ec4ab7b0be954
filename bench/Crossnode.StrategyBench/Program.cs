using System.CommandLine;
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
var learningRate = new Option<double>("--learning-rate") { DefaultValueFactory = _ => defaults.LearningRate, Description = "the local optimiser's highest learning rate, the same schedule for all modes" };
var localRateCap = new Option<double>("--local-rate-cap") { DefaultValueFactory = _ => defaults.LocalRateCap, Description = "the most that steps take which a member takes alone, as a share of the highest learning rate" };
var outerLearningRate = new Option<double>("--outer-learning-rate") { DefaultValueFactory = _ => defaults.OuterLearningRate, Description = "DiLoCo's" };
var outerMomentum = new Option<double>("--outer-momentum") { DefaultValueFactory = _ => defaults.OuterMomentum, Description = "DiLoCo's" };
var modes = new Option<Mode[]>("--modes") { DefaultValueFactory = _ => Enum.GetValues<Mode>(), Description = "which to run; Synchronous gives the ratios", AllowMultipleArgumentsPerToken = true };
var data = new Option<string[]>("--data") { Description = "text to learn; none takes the .NET SDK's documentation", AllowMultipleArgumentsPerToken = true };
var root = new RootCommand("Held-out losses of strategies at equal tokens.")
{
    seeds, firstSeed, steps, syncEvery, members, microBatch, learningRate, localRateCap, outerLearningRate, outerMomentum, modes, data,
};
root.SetAction(parsed =>
{
    var options = defaults with
    {
        Steps = parsed.GetValue(steps),
        FirstSteps = parsed.GetValue(steps) / 5,
        SyncEvery = parsed.GetValue(syncEvery),
        Members = parsed.GetValue(members),
        MicroBatch = parsed.GetValue(microBatch),
        LearningRate = parsed.GetValue(learningRate),
        LocalRateCap = parsed.GetValue(localRateCap),
        OuterLearningRate = parsed.GetValue(outerLearningRate),
        OuterMomentum = parsed.GetValue(outerMomentum),
    };
    var chosen = parsed.GetValue(modes)!.Distinct().Order().ToList();
    torch.set_num_threads(1);
    var corpus = parsed.GetValue(data) is { Length: > 0 } files ? Corpus.FromFiles(files) : Corpus.FromSdk();
    var report = new Report(Console.Out);
    report.Head();
    for (var seed = parsed.GetValue(firstSeed); seed < parsed.GetValue(firstSeed) + parsed.GetValue(seeds); seed++)
    {
        foreach (var mode in chosen)
        {
            report.Add(Trial.Run(options, mode, (ulong)seed, corpus));
        }
    }

    report.Means();
    return report.IsExact(options.SyncEvery) ? 0 : 1;
});
return root.Parse(args).Invoke();
