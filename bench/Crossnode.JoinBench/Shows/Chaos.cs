using System.Diagnostics;
using Crossnode.JoinBench.Launcher;

namespace Crossnode.JoinBench.Shows;

/// <summary>What goes wrong while somebody joins.</summary>
internal enum Trouble
{
    /// <summary>A holder is killed in the middle of a newcomer's fetch.</summary>
    KillHolder,

    /// <summary>The newcomer is killed in the middle of its fetch.</summary>
    KillNewcomer,

    /// <summary>Two come at once.</summary>
    TwoNewcomers,

    /// <summary>A member dies just as somebody comes: before, during or after the admission.</summary>
    DeathAtAdmission,
}

/// <summary>Short runs in which something goes wrong, each drawn from its seed.</summary>
internal sealed class Chaos(WorkerPool pool)
{
    private const int Founders = 3;

    // Of a run that takes a second or two: long enough for a busy machine, short enough to be noticed.
    private static readonly TimeSpan RunTime = TimeSpan.FromSeconds(60);

    /// <summary>Runs one seed.</summary>
    /// <returns>Whether all was well; a failure has been printed with the line that repeats it.</returns>
    public bool Run(Trouble trouble, int seed)
    {
        var watch = Stopwatch.StartNew();
        var random = new Random((seed * 397) ^ (int)trouble);
        var method = random.Next(2) == 0 ? Method.DataParallel : Method.DiLoCo;
        TrainingRun? run = null;
        try
        {
            run = new TrainingRun(
                pool,
                new Assignment
                {
                    Environment = new Dictionary<string, string>(),
                    Method = method,
                    Elements = 48_000,
                    Tensors = 12,

                    // 192 KB with momentum, 384 KB of outer state: a fetch takes a quarter to half a second from three holders.
                    StateBytesPerSecond = 256 << 10,
                },
                Founders,
                RunTime);
            run.Begin();
            Provoke(run, trouble, random);
            var reports = run.Finish();
            Console.WriteLine(
                $"ok   {trouble} {seed} {method}: {reports.Count} members end with {reports[0].Hash}, "
                + $"{reports.Max(report => report.Comparisons)} comparisons, {watch.ElapsedMilliseconds} ms");
            return true;
        }
        catch (BenchException wrong)
        {
            Console.WriteLine($"FAIL {trouble} {seed} {method}: {wrong.Message}");
            Console.WriteLine($"     {string.Join(Environment.NewLine + "     ", run?.News.TakeLast(12) ?? [])}");
            foreach (var member in run?.Members ?? [])
            {
                Console.WriteLine($"     {member.Describe()}: {string.Join(" | ", member.Lines.TakeLast(3))}");
            }

            Console.WriteLine(
                $"     repeat: dotnet run -c Release --project bench/Crossnode.JoinBench -- chaos --trouble {trouble} --first-seed {seed} --runs 1");
            return false;
        }
        finally
        {
            run?.Dispose();
        }
    }

    private static void Provoke(TrainingRun run, Trouble trouble, Random random)
    {
        var part = random.NextDouble();
        var victim = run.Members[random.Next(Founders)];
        Thread.Sleep(random.Next(100));
        switch (trouble)
        {
            case Trouble.KillHolder:
                var fetching = run.Join();
                AwaitFetched(run, fetching, part);
                run.Kill(victim);
                run.AwaitLevel(fetching);
                break;
            case Trouble.KillNewcomer:
                var doomed = run.Join();
                AwaitFetched(run, doomed, part);
                run.Kill(doomed);

                // Whoever comes next has nothing of it in the way.
                run.AwaitLevel(run.Join());
                break;
            case Trouble.TwoNewcomers:
                var first = run.Join();
                Thread.Sleep((int)(part * part * 400));
                var second = run.Join();
                run.AwaitLevel(first);
                run.AwaitLevel(second);
                break;
            default:
                var newcomer = run.Join();
                Thread.Sleep((int)(part * 300));
                run.Kill(victim);
                run.AwaitLevel(newcomer);
                break;
        }
    }

    // Until this part of the state is there; a line comes with each chunk.
    private static void AwaitFetched(TrainingRun run, WorkerProcess newcomer, double part) => newcomer.Await(
        line => line.Split(' ') is ["fetched", var here, var total, _]
            && double.Parse(here, System.Globalization.CultureInfo.InvariantCulture)
                >= part * double.Parse(total, System.Globalization.CultureInfo.InvariantCulture),
        "fetched",
        run.Within);
}
