using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Crossnode.JoinBench.Launcher;

namespace Crossnode.JoinBench.Shows;

/// <summary>What it costs those who train that somebody joins, with a large state served slowly.</summary>
internal sealed class JoinCost(WorkerPool pool)
{
    private const int Founders = 3;
    private const int StepsBefore = 12;
    private const int StepsAfter = 4;
    private static readonly TimeSpan RunTime = TimeSpan.FromMinutes(20);

    /// <param name="method">How they train.</param>
    /// <param name="stateBytes">Of the whole state.</param>
    /// <param name="rate">Of each holder, in bytes a second.</param>
    /// <param name="repeats">How many joins.</param>
    /// <param name="keepsNewcomer">Whether the same process comes again: then its code has been compiled.</param>
    /// <returns>Whether nobody was held up for longer than is allowed.</returns>
    public bool Run(Method method, long stateBytes, long rate, int repeats, bool keepsNewcomer)
    {
        // Parameters and two moments, or outer parameters and outer momentum.
        var elements = stateBytes / sizeof(float) / (method == Method.DataParallel ? 3 : 2);
        var copy = MemoryCopySeconds(stateBytes, atOnce: 1);
        Print($"## {method}: {elements} parameters, {stateBytes / 1e6:0} MB of state, each holder serves at most {rate / 1e6:0} MB/s");
        Print($"one copy of the state in memory, by itself: {copy * 1e3:0} ms (median of 5; memory that is present)");
        Print($"{Founders} such copies at once, as the holders make them on this one machine: {MemoryCopySeconds(stateBytes, Founders) * 1e3:0} ms each");
        Print($"bar: 50 ms + that = {(0.050 + copy) * 1e3:0} ms");
        var (blocked, all) = (new List<double>(), new List<JoinFigures>());
        using var run = new TrainingRun(
            pool,
            new Assignment
            {
                Environment = new Dictionary<string, string>(),
                Method = method,
                AdamW = method == Method.DataParallel,
                LearningRate = 1e-3,
                Elements = elements,
                Tensors = 200,
                StateBytesPerSecond = rate,
                ComputeMilliseconds = 0,
                Traces = true,
            },
            Founders,
            RunTime);
        var founders = run.Begin().Members.ToList();
        for (var repeat = 1; repeat <= repeats; repeat++)
        {
            // By default a process of its own each time: the code of a newcomer runs for the first time.
            pool.Fill(1);
            pool.AwaitReady();
            AwaitSteps(run, founders, StepsBefore);
            var before = founders.ConvertAll(founder => founder.ResidentBytes());
            var peak = before.ToArray();
            var came = Now;
            var newcomer = run.Join();
            using (new Sampler(founders, peak))
            {
                run.AwaitLevel(newcomer);
                AwaitSteps(run, founders, StepsAfter);
            }

            var after = founders.ConvertAll(founder => founder.ResidentBytes());
            var report = run.Leave(newcomer, forGood: !keepsNewcomer);
            all.Add(new JoinFigures(report, came, newcomer.Lines, before, peak, after));
            AwaitSteps(run, founders, 2);
        }

        var reports = run.Finish();
        Print($"| repeat | holder | step, median before | longest step | view change | wait for the newcomer's first call | copy | **blocked** | sent again | longest later wait | memory before, peak, after (MB) |");
        Print($"|---|---|---|---|---|---|---|---|---|---|---|");
        for (var repeat = 0; repeat < all.Count; repeat++)
        {
            foreach (var holder in reports.OrderBy(r => r.Self))
            {
                var cost = all[repeat].CostOf(holder, repeat == 0 ? 0 : all[repeat - 1].Left);
                blocked.Add(cost.Blocked);
                var memory = all[repeat].Memory((int)holder.Self);
                Print($"| {repeat + 1} | {holder.Self} | {Ms(cost.StepBefore)} | {Ms(cost.LongestStep)} | {Ms(cost.ViewChange)} | {Ms(cost.FirstCall)} | {Ms(cost.Copy)} | **{Ms(cost.Blocked)}** | {Ms(cost.SentAgain)} | {Ms(cost.LaterWait)} | {memory} |");
            }
        }

        for (var repeat = 0; repeat < all.Count; repeat++)
        {
            Print($"join {repeat + 1}: {all[repeat].Summary()}");
        }

        Print($"all members' hashes compared {reports.Max(r => r.Comparisons)} times after a newcomer took weight: equal each time, and in the end");
        blocked.Sort();
        var allowed = 0.050 + copy;
        var isMet = blocked[^1] <= allowed;
        Print($"blocked: median {Ms(blocked[blocked.Count / 2])}, {blocked.Count(time => time <= allowed)} of {blocked.Count} within the {Ms(allowed)} allowed, longest {Ms(blocked[^1])}: {(isMet ? "met" : "MISSED")}");
        return isMet;
    }

    private static double Now => (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency;

    private static string Ms(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1e3:0.0} ms");

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private static void AwaitSteps(TrainingRun run, List<WorkerProcess> founders, int steps)
    {
        foreach (var founder in founders)
        {
            var until = founder.Lines.Count(IsStep) + steps;
            var seen = 0;
            founder.Await(line => IsStep(line) && ++seen >= until, $"{until} steps", run.Within);
        }
    }

    private static bool IsStep(string line) => line.StartsWith("step ", StringComparison.Ordinal);

    private static double MemoryCopySeconds(long bytes, int atOnce)
    {
        var times = new List<double>();
        var gate = new object();
        using var barrier = new Barrier(atOnce);
        var threads = Enumerable.Range(0, atOnce).Select(_ => new Thread(() => CopyRepeatedly(bytes, barrier, seconds =>
        {
            lock (gate)
            {
                times.Add(seconds);
            }
        }))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return times.Order().ElementAt(times.Count / 2);
    }

    private static unsafe void CopyRepeatedly(long bytes, Barrier barrier, Action<double> took)
    {
        var source = NativeMemory.AlignedAlloc((nuint)bytes, 64);
        var target = NativeMemory.AlignedAlloc((nuint)bytes, 64);
        NativeMemory.Fill(source, (nuint)bytes, 1);
        NativeMemory.Fill(target, (nuint)bytes, 2);
        for (var i = 0; i < 5; i++)
        {
            barrier.SignalAndWait();
            var start = Now;
            Buffer.MemoryCopy(source, target, bytes, bytes);
            took(Now - start);
        }

        NativeMemory.AlignedFree(source);
        NativeMemory.AlignedFree(target);
    }

    /// <summary>Looks at the memory of processes until disposed.</summary>
    private sealed class Sampler : IDisposable
    {
        private readonly ManualResetEventSlim _over = new();
        private readonly Thread _thread;

        public Sampler(List<WorkerProcess> processes, long[] peak)
        {
            _thread = new Thread(() =>
            {
                while (!_over.Wait(20))
                {
                    for (var i = 0; i < peak.Length; i++)
                    {
                        peak[i] = Math.Max(peak[i], processes[i].ResidentBytes());
                    }
                }
            });
            _thread.Start();
        }

        public void Dispose()
        {
            _over.Set();
            _thread.Join();
            _over.Dispose();
        }
    }
}
