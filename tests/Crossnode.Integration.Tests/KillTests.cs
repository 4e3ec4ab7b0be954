using System.Diagnostics;
using Crossnode.Coordinator;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: a killed worker never leaves a wrong number behind. Method: real processes whose inputs are a function of
/// member and operation, SIGKILL at random moments, every result checked by the workers against the members it names.</summary>
[Trait("tier", "integration")]
public sealed class KillTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // CROSSNODE_KILLS=200 runs the long form.
    private static int KillsPerMode => int.TryParse(Environment.GetEnvironmentVariable("CROSSNODE_KILLS"), out var kills) ? kills : 12;

    [Fact]
    public void Two_workers_agree_on_every_sum()
    {
        using var cluster = new Cluster(workers: 2, operations: 50, elements: 10_000, "out");
        foreach (var worker in cluster.Workers)
        {
            Assert.True(worker.WaitForExit(Patience), cluster.Report());
            Assert.True(worker.ExitCode == 0, cluster.Report());
            Assert.Equal(50, worker.Lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal)));
        }
    }

    [Theory]
    [InlineData("out", "shared")]
    [InlineData("in", "shared")]
    [InlineData("report", "shared")]
    [InlineData("best", "shared")]
    [InlineData("best", "tcp")]
    [InlineData("out", "tcp")]
    [InlineData("in", "tcp")]
    public void Kills_at_random_moments_leave_no_wrong_number(string mode, string links)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var kills = 0;
        while (kills < KillsPerMode)
        {
            kills += KillAllButOne(mode, links, random, $"seed {seed}, mode {mode}, links {links}");
        }
    }

    private static int KillAllButOne(string mode, string links, Random random, string hint)
    {
        using var cluster = new Cluster(workers: 5, operations: 600, elements: 40_000, mode, links: links);
        var last = cluster.Workers[random.Next(cluster.Workers.Count)];
        var victims = cluster.Workers.Where(worker => worker != last).OrderBy(_ => random.Next()).ToList();
        var kills = 0;
        foreach (var victim in victims)
        {
            // A moment is some number of operations further on, as the surviving worker prints them, and a spin.
            var start = last.Lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal));
            var target = start + random.Next(1, 20);
            last.WaitForLine(_ => last.Lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal)) >= target, Patience);
            Thread.SpinWait(random.Next(200_000));
            victim.Kill();
            kills++;
        }

        Assert.True(last.WaitForExit(Patience), $"{hint}: hangs{Environment.NewLine}{cluster.Report()}");
        Assert.True(last.ExitCode == 0, $"{hint}{Environment.NewLine}{cluster.Report()}");
        Assert.Contains("done", last.Lines);
        Assert.DoesNotContain(cluster.Workers, worker => worker.Lines.Any(line => line.StartsWith("WRONG", StringComparison.Ordinal)));
        return kills;
    }

    [Fact]
    public void Kill_leads_to_a_new_view_within_300_ms()
    {
        var times = new List<double>();
        for (var attempt = 0; attempt < 5; attempt++)
        {
            using var cluster = new Cluster(workers: 4, operations: 100_000, elements: 10_000, "out");
            Assert.True(cluster.Workers[0].WaitForLine(line => line.StartsWith("ok 20 ", StringComparison.Ordinal), Patience), cluster.Report());
            var killedAt = Stopwatch.GetTimestamp();
            cluster.Workers[2].Kill();
            var announced = cluster.WaitForNews(
                news => news.Kind == RunNewsKind.ViewAnnounced && news.View.Epoch == 2, Patience);
            Assert.True(announced is not null, cluster.Report());
            Assert.True(cluster.Workers[0].WaitForLine(line => line == "view 2 0,1,3", Patience), cluster.Report());
            times.Add(Stopwatch.GetElapsedTime(killedAt, announced.Value).TotalMilliseconds);
        }

        times.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"kill to NEWVIEW, ms: {string.Join(", ", times.Select(time => $"{time:0.0}"))}");
        Assert.True(times[times.Count / 2] < 300, $"kill to NEWVIEW took {string.Join(", ", times)} ms");
    }
}
