using Crossnode.Protocol;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation;

/// <summary>Which seeds to run, and how.</summary>
public sealed record CampaignOptions
{
    /// <summary>The first seed.</summary>
    public long FirstSeed { get; init; }

    /// <summary>How many seeds, one after the other.</summary>
    public long Seeds { get; init; } = 1000;

    /// <summary>The rules in force.</summary>
    /// <value>All.</value>
    public ProtocolRules Rules { get; init; } = ProtocolRules.All;

    /// <summary>Whether every seed is run twice, and both runs must leave the same trace.</summary>
    /// <value>True.</value>
    public bool RunTwice { get; init; } = true;

    /// <summary>How many threads; each runs its own seeds.</summary>
    /// <value>One for each core.</value>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>After that many seeds with a violation no new one begins.</summary>
    /// <value>10.</value>
    public int MaxFailures { get; init; } = 10;

    /// <summary>Called for every seed that has violations, from the thread that ran it.</summary>
    public Action<SimulationResult>? Failed { get; init; }

    /// <summary>Measures how long all took.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>What all seeds gave.</summary>
/// <param name="Seeds">How many were run.</param>
/// <param name="Failures">Those with violations, by seed.</param>
/// <param name="Coverage">What was met in all of them; second runs of a seed are not counted.</param>
/// <param name="VirtualTime">The sum over all runs, second ones included.</param>
/// <param name="CpuTime">The processor time that this process took for it.</param>
/// <param name="WallTime">The time that passed.</param>
public sealed record CampaignResult(
    long Seeds,
    IReadOnlyList<SimulationResult> Failures,
    Coverage Coverage,
    TimeSpan VirtualTime,
    TimeSpan CpuTime,
    TimeSpan WallTime)
{
    /// <summary>How much faster than real time one core simulates.</summary>
    public double SimulatedSecondsPerCpuSecond => VirtualTime / CpuTime;
}

/// <summary>Runs many seeds on all cores.</summary>
public static class SimulationCampaign
{
    /// <summary>Runs the seeds and returns when all are through, or enough have failed.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static CampaignResult Run(CampaignOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var state = new State(options);
        var start = options.Clock.GetTimestamp();
        var cpu = Environment.CpuUsage.TotalTime;
        var threads = new Thread[Math.Max(1, options.Threads)];
        for (var index = 0; index < threads.Length; index++)
        {
            threads[index] = new Thread(() => state.Work(cancellationToken)) { IsBackground = true, Name = "crossnode sim" };
            threads[index].Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        cancellationToken.ThrowIfCancellationRequested();
        return state.ToResult(Environment.CpuUsage.TotalTime - cpu, options.Clock.GetElapsedTime(start));
    }

    private sealed class State(CampaignOptions options)
    {
        private readonly Lock _lock = new();
        private readonly SortedDictionary<long, SimulationResult> _failures = [];
        private readonly Coverage _coverage = new();
        private long _next = options.FirstSeed;
        private long _done;
        private TimeSpan _virtualTime;

        public void Work(CancellationToken cancellationToken)
        {
            using var arena = new Arena();
            while (!cancellationToken.IsCancellationRequested && TryNext(out var seed))
            {
                var run = new SimulationOptions { Seed = seed, Rules = options.Rules };
                var first = Simulator.Run(run, arena);
                var second = options.RunTwice ? Simulator.Run(run, arena) : first;
                Take(first.TraceHash == second.TraceHash ? first : Differing(first, second), second);
            }
        }

        public CampaignResult ToResult(TimeSpan cpu, TimeSpan wall) =>
            new(_done, [.. _failures.Values], _coverage, _virtualTime, cpu, wall);

        private static SimulationResult Differing(SimulationResult first, SimulationResult second) => first with
        {
            Violations =
            [
                .. first.Violations,
                new Violation("determinism", $"the second run has trace {second.TraceHash:x32}, the first {first.TraceHash:x32}"),
            ],
        };

        private bool TryNext(out long seed)
        {
            lock (_lock)
            {
                seed = _next;
                if (_next >= options.FirstSeed + options.Seeds || _failures.Count >= options.MaxFailures)
                {
                    return false;
                }

                _next++;
                return true;
            }
        }

        private void Take(SimulationResult first, SimulationResult second)
        {
            lock (_lock)
            {
                _done++;
                _coverage.Add(first.Coverage);
                _virtualTime += options.RunTwice ? first.VirtualTime + second.VirtualTime : first.VirtualTime;
                if (first.Violations.Count > 0)
                {
                    _failures.Add(first.Seed, first);
                }
            }

            if (first.Violations.Count > 0)
            {
                options.Failed?.Invoke(first);
            }
        }
    }
}
