using Crossnode.Coordinator;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: a stopped process does not stop the run. Method: SIGSTOP one of three real processes, SIGCONT later.</summary>
[Trait("tier", "integration")]
public sealed class StoppedMemberTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Stopped_member_is_evicted_at_its_deadline_and_told_so_when_it_wakes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "needs SIGSTOP");
        using var cluster = new Cluster(workers: 3, operations: 1_000_000, elements: 20_000, "out", evictAfterSeconds: 3);
        Assert.True(cluster.Workers[0].WaitForLine(line => line.StartsWith("ok 20 ", StringComparison.Ordinal), Patience), cluster.Report());
        cluster.Workers[1].Signal("STOP");
        Assert.True(cluster.Workers[0].WaitForLine(line => line == "view 2 0,2", Patience), cluster.Report());
        Assert.True(cluster.Workers[2].WaitForLine(line => line.EndsWith(" 0,2", StringComparison.Ordinal)
            && line.StartsWith("ok ", StringComparison.Ordinal), Patience), cluster.Report());
        Assert.Contains(cluster.News, item =>
            item.News.Kind == RunNewsKind.MemberGone && item.News.Text!.Contains("member 1", StringComparison.Ordinal)
            && item.News.Text.Contains("nothing heard", StringComparison.Ordinal));

        cluster.Workers[1].Signal("CONT");
        Assert.True(cluster.Workers[1].WaitForExit(Patience), cluster.Report());
        Assert.True(cluster.Workers[1].ExitCode == 4, cluster.Report());
        Assert.Contains(cluster.Workers[1].Lines, line => line.Contains("evicted from the run", StringComparison.Ordinal));
        Assert.DoesNotContain(cluster.Workers, worker => worker.Lines.Any(line => line.StartsWith("WRONG", StringComparison.Ordinal)));
    }
}
