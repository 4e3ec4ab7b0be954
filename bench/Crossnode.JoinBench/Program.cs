using System.CommandLine;
using System.Diagnostics;
using Crossnode.JoinBench;
using Crossnode.JoinBench.Launcher;
using Crossnode.JoinBench.Shows;
using Crossnode.JoinBench.Worker;

// Members that come and go while others train, in processes of their own.
// What a join costs the others:      dotnet run -c Release --project bench/Crossnode.JoinBench -- cost
// 50 joins and leaves, values checked: dotnet run -c Release --project bench/Crossnode.JoinBench -- churn --runs 1
// What may go wrong meanwhile:       dotnet run -c Release --project bench/Crossnode.JoinBench -- chaos --runs 100
if (args is ["worker"])
{
    return new WorkerLoop().Run();
}

var runs = new Option<int>("--runs") { DefaultValueFactory = _ => 100, Description = "runs of each kind" };
var firstSeed = new Option<int>("--first-seed") { DefaultValueFactory = _ => 1, Description = "the first run's seed; the others follow" };
var trouble = new Option<Trouble?>("--trouble") { Description = "only this kind" };
var chaos = new Command("chaos", "Kills holders and newcomers while somebody fetches.") { runs, firstSeed, trouble };
chaos.SetAction(parsed =>
{
    using var pool = new WorkerPool();
    pool.Fill(5);
    var watch = Stopwatch.StartNew();
    var failed = 0;
    foreach (var kind in parsed.GetValue(trouble) is { } only ? [only] : Enum.GetValues<Trouble>())
    {
        var bad = 0;
        for (var seed = parsed.GetValue(firstSeed); seed < parsed.GetValue(firstSeed) + parsed.GetValue(runs); seed++)
        {
            // What was killed is replaced while the next run goes on.
            bad += new Chaos(pool).Run(kind, seed) ? 0 : 1;
            pool.Fill(5);
        }

        Console.WriteLine($"{kind}: {parsed.GetValue(runs)} runs, {bad} failed, {watch.Elapsed.TotalSeconds:0} s so far");
        failed += bad;
    }

    return failed == 0 ? 0 : 1;
});

var joins = new Option<int>("--joins") { DefaultValueFactory = _ => 50, Description = "how many come, and leave again" };
var method = new Option<Method?>("--method") { Description = "only this one" };
var churn = new Command("churn", "One run in which members come and leave at random moments.") { runs, firstSeed, joins, method };
churn.SetAction(parsed =>
{
    using var pool = new WorkerPool();
    var failed = 0;
    foreach (var how in parsed.GetValue(method) is { } only ? [only] : Enum.GetValues<Method>())
    {
        for (var seed = parsed.GetValue(firstSeed); seed < parsed.GetValue(firstSeed) + parsed.GetValue(runs); seed++)
        {
            pool.Fill(5);
            failed += new Churn(pool).Run(how, seed, parsed.GetValue(joins)) ? 0 : 1;
        }
    }

    return failed == 0 ? 0 : 1;
});

var megabytes = new Option<int>("--megabytes") { DefaultValueFactory = _ => 210, Description = "size of the state" };
var rate = new Option<long>("--rate") { DefaultValueFactory = _ => 50_000_000, Description = "bytes a second that a holder serves at most" };
var repeats = new Option<int>("--repeats") { DefaultValueFactory = _ => 5, Description = "joins" };
var keepsNewcomer = new Option<bool>("--same-newcomer") { Description = "the same process comes each time, whose code has been compiled" };
var cost = new Command("cost", "What a join costs those who train.") { megabytes, rate, repeats, method, keepsNewcomer };
cost.SetAction(parsed =>
{
    using var pool = new WorkerPool();
    var isMet = true;
    foreach (var how in parsed.GetValue(method) is { } only ? [only] : Enum.GetValues<Method>())
    {
        isMet &= new JoinCost(pool).Run(
            how,
            parsed.GetValue(megabytes) * 1_000_000L,
            parsed.GetValue(rate),
            parsed.GetValue(repeats),
            parsed.GetValue(keepsNewcomer));
    }

    return isMet ? 0 : 1;
});

return new RootCommand("Members that come and go.") { cost, chaos, churn }.Parse(args).Invoke();
