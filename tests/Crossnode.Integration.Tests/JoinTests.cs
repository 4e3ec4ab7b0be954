using System.Collections.Concurrent;
using System.Diagnostics;
using Crossnode.Collectives;
using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: processes come to a run that has started, and every number stays right. Method: real processes whose inputs
/// are a function of member and operation; workers check every result against the members that its outcome names.</summary>
[Trait("tier", "integration")]
public sealed class JoinTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("out")]
    [InlineData("in")]
    [InlineData("report")]
    public void Third_worker_joins_two_that_run_and_all_go_on(string mode)
    {
        using var cluster = new Cluster(workers: 2, operations: 1_000_000, elements: 10_000, mode);
        Assert.True(cluster.Workers[0].WaitForLine(Begins("ok 20 "), Patience), cluster.Report());
        var newcomer = cluster.Start("new");
        foreach (var worker in cluster.Workers)
        {
            Assert.True(worker.WaitForLine(Ok("0,1,2"), Patience), cluster.Report());
        }

        Assert.Contains(newcomer.Lines, line => line == "view 2 0,1,2");
        Assert.DoesNotContain(newcomer.Lines, Begins("ok 20 ").Invoke);
        AssertNoneWrong(cluster);
    }

    [Fact]
    public void Killed_worker_that_is_started_again_comes_back_under_its_number()
    {
        using var cluster = new Cluster(workers: 3, operations: 1_000_000, elements: 10_000, "out");
        Assert.True(cluster.Workers[0].WaitForLine(Begins("ok 20 "), Patience), cluster.Report());
        cluster.Workers[1].Kill();
        var again = cluster.Start("1");
        Assert.True(again.WaitForLine(Ok("0,1,2"), Patience), cluster.Report());
        Assert.NotNull(cluster.WaitForNews(
            news => news.Kind == RunNewsKind.MemberJoined && news.Member == new MemberId(1), Patience));
        AssertNoneWrong(cluster);
    }

    [Fact]
    public void Newcomers_that_come_at_once_and_die_at_once_leave_no_wrong_number()
    {
        using var cluster = new Cluster(workers: 2, operations: 1_000_000, elements: 10_000, "out");
        Assert.True(cluster.Workers[0].WaitForLine(Begins("ok 20 "), Patience), cluster.Report());
        var newcomers = Enumerable.Range(0, 3).Select(_ => cluster.Start("new")).ToList();
        foreach (var newcomer in newcomers)
        {
            Assert.True(newcomer.WaitForLine(Begins("ok "), Patience), cluster.Report());
        }

        foreach (var newcomer in newcomers)
        {
            newcomer.Kill();
        }

        var count = cluster.Workers[0].Lines.Count;
        Assert.True(cluster.Workers[0].WaitForLine(line => Ok("0,1")(line) && cluster.Workers[0].Lines.Count > count + 100, Patience), cluster.Report());
        AssertNoneWrong(cluster);
    }

    [Fact]
    public async Task Planned_admission_stops_four_members_for_milliseconds()
    {
        var ended = new ConcurrentQueue<long>();
        var installed = new ConcurrentQueue<(long Epoch, long At)>();
        using var cluster = new LocalCluster(new TcpTransport(), 4, news: news =>
        {
            if (news is { Kind: RunNewsKind.Log, Text: { } text } && text.Contains(" ends: ", StringComparison.Ordinal))
            {
                ended.Enqueue(Stopwatch.GetTimestamp());
            }
        });
        foreach (var session in cluster.Sessions)
        {
            session.ViewInstalled += view => installed.Enqueue((view.Id.Epoch, Stopwatch.GetTimestamp()));
        }

        using var over = new CancellationTokenSource();
        var gaps = Task.Run(() => cluster.OnAll((_, session) => LongestGap(session, over.Token)));
        var changes = new List<double>();
        for (uint round = 0; round < 8; round++)
        {
            using var newcomer = cluster.Join(MemberId.Unassigned, 5000 + round);
            var epoch = newcomer.View.Id.Epoch;
            var prepared = ended.Last();
            Assert.True(SpinWait.SpinUntil(() => installed.Count(item => item.Epoch == epoch) == 4, Patience));
            changes.Add(Stopwatch.GetElapsedTime(prepared, installed.Where(item => item.Epoch == epoch).Max(item => item.At)).TotalMilliseconds);
            newcomer.Abandon();
            SpinWait.SpinUntil(() => cluster.Sessions.All(session => session.View.WorldSize == 4), Patience);
        }

        await over.CancelAsync();
        var longest = (await gaps).Max();
        changes.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"PREPARE to installed at all of 4 members, ms: {string.Join(", ", changes.Select(time => $"{time:0.0}"))};"
            + $" median {changes[changes.Count / 2]:0.0}; longest operation {longest:0.0} ms (newcomers dying included)");
        Assert.True(changes[changes.Count / 2] < 100, $"PREPARE to installed took {string.Join(", ", changes)} ms");
    }

    private static double LongestGap(Session session, CancellationToken over)
    {
        var values = new float[64];
        var longest = 0.0;
        try
        {
            while (true)
            {
                over.ThrowIfCancellationRequested();
                var start = Stopwatch.GetTimestamp();
                var buffer = TensorBuffer.From(values.AsMemory());
                session.Run(new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Average), cancellationToken: over);
                longest = Math.Max(longest, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }
        catch (OperationCanceledException)
        {
            return longest;
        }
    }

    private static Func<string, bool> Begins(string text) => line => line.StartsWith(text, StringComparison.Ordinal);

    private static Func<string, bool> Ok(string members) =>
        line => line.StartsWith("ok ", StringComparison.Ordinal) && line.EndsWith($" {members}", StringComparison.Ordinal);

    private static void AssertNoneWrong(Cluster cluster) =>
        Assert.DoesNotContain(cluster.Workers, worker => worker.Lines.Any(Begins("WRONG").Invoke));
}
