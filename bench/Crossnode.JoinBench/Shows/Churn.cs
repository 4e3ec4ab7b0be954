using System.Diagnostics;
using Crossnode.JoinBench.Launcher;

namespace Crossnode.JoinBench.Shows;

/// <summary>One long run in which members come and leave at random moments.</summary>
internal sealed class Churn(WorkerPool pool)
{
    private const int Founders = 3;
    private const int MostMembers = 5;
    private static readonly TimeSpan EventTime = TimeSpan.FromSeconds(30);

    /// <returns>Whether all was well.</returns>
    public bool Run(Method method, int seed, int joins)
    {
        var watch = Stopwatch.StartNew();
        var random = new Random(seed);
        TrainingRun? run = null;
        var (came, left) = (0, 0);
        try
        {
            run = new TrainingRun(
                pool,
                new Assignment { Environment = new Dictionary<string, string>(), Method = method, StateBytesPerSecond = 2 << 20 },
                Founders,
                (2 * joins * EventTime) + EventTime);
            run.Begin();
            while (came < joins || left < joins)
            {
                Thread.Sleep(random.Next(150));
                var mayCome = came < joins && run.Members.Count < MostMembers;
                var mayLeave = left < came && run.Members.Count > 2;
                if (mayCome && (!mayLeave || random.Next(2) == 0))
                {
                    run.AwaitLevel(run.Join());
                    came++;
                }
                else
                {
                    // Anybody: of those that were there at the start none is left after a while.
                    run.Leave(run.Members[random.Next(run.Members.Count)]);
                    left++;
                }
            }

            var reports = run.Finish();
            Console.WriteLine(
                $"ok   churn {method} {seed}: {came} joins, {left} leaves, {reports[0].Exchanges[^1].Step + 1} steps, values right, "
                + $"all end with {reports[0].Hash}; {watch.Elapsed.TotalSeconds:0} s");
            return true;
        }
        catch (BenchException wrong)
        {
            Console.WriteLine($"FAIL churn {method} {seed} after {came} joins and {left} leaves: {wrong.Message}");
            Console.WriteLine($"     {string.Join(Environment.NewLine + "     ", run?.News.TakeLast(12) ?? [])}");
            Console.WriteLine(
                $"     repeat: dotnet run -c Release --project bench/Crossnode.JoinBench -- churn --method {method} --first-seed {seed} --runs 1 --joins {joins}");
            return false;
        }
        finally
        {
            run?.Dispose();
        }
    }
}
