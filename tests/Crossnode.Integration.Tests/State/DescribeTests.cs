using System.Diagnostics;
using System.Text;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests.State;

/// <summary>Goal: a newcomer learns what an operation is as soon as one holder knows, and is never left waiting for ever.</summary>
[Trait("tier", "integration")]
public sealed class DescribeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task First_holder_that_knows_answers_and_later_numbers_come_over_the_same_connections()
    {
        using var cluster = new StateCluster(2, 100);
        var asked = Describe(cluster, 7);
        await StateTransferTests.Until(() => cluster.Servers.All(server => server.Counters.Fetchers == 1));
        Assert.False(asked.IsCompleted);
        cluster.Servers[1].Describe(7, Encoding.UTF8.GetBytes("step 7"));
        Assert.Equal("step 7", await asked);

        cluster.Servers[0].Describe(7, Encoding.UTF8.GetBytes("step 7"));
        for (var sequence = 8; sequence < 200; sequence++)
        {
            cluster.Servers[sequence % 2].Describe(sequence, Encoding.UTF8.GetBytes($"step {sequence}"));
            Assert.Equal($"step {sequence}", await Describe(cluster, sequence));
        }

        Assert.All(cluster.Servers, server => Assert.Equal(1, server.Counters.Fetchers));
    }

    [Fact]
    public async Task Numbers_that_nobody_remembers_are_an_error_that_says_so()
    {
        using var cluster = new StateCluster(2, 100, options: new StateServerOptions { MaxDescriptions = 3 });
        foreach (var server in cluster.Servers)
        {
            for (var sequence = 1; sequence <= 5; sequence++)
            {
                server.Describe(sequence, new byte[] { (byte)sequence });
            }
        }

        var gone = await Assert.ThrowsAsync<LinkException>(() => Describe(cluster, 2));
        Assert.Contains("member 0 (127.0.0.1:", gone.Message, StringComparison.Ordinal);
        Assert.Contains("operation 2 is not described here (the newest is 5)", gone.Message, StringComparison.Ordinal);
        Assert.Equal("\u0003", await Describe(cluster, 3));
    }

    [Fact]
    public async Task Holder_that_dies_is_replaced_by_another()
    {
        using var cluster = new StateCluster(2, 100);
        var asked = Describe(cluster, 1);
        await StateTransferTests.Until(() => cluster.Servers.All(server => server.Counters.Fetchers == 1));
        cluster.Servers[0].Dispose();
        cluster.Servers[1].Describe(1, "one"u8.ToArray());
        Assert.Equal("one", await asked);
        cluster.Servers[1].Dispose();
        Assert.Contains("no holder can say", (await Assert.ThrowsAsync<LinkException>(() => Describe(cluster, 2))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deadline_and_cancel_end_the_wait()
    {
        using var cluster = new StateCluster(1, 100);
        var late = await Assert.ThrowsAsync<DeadlineException>(
            () => cluster.Fetcher.DescribeAsync(4, cluster.Newcomer.Peers, TimeSpan.FromSeconds(0.2), cancellationToken: Cancellation));
        Assert.Contains("in 0.2 s what operation 4 is: member 0", late.Message, StringComparison.Ordinal);
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(0.2));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => cluster.Fetcher.DescribeAsync(4, cluster.Newcomer.Peers, StateCluster.Patience, cancellationToken: cancel.Token));
    }

    [Fact]
    public async Task Who_knows_what_is_said_of_a_far_operation_is_told_more_once_somebody_is_about_to_call_it()
    {
        using var cluster = new StateCluster(2, 100);
        cluster.Servers[0].Describe(3, "far off"u8.ToArray(), isProvisional: true);
        var first = await cluster.Fetcher.DescribeAsync(3, cluster.Newcomer.Peers, StateCluster.Patience, cancellationToken: Cancellation);
        Assert.True(first.IsProvisional);
        Assert.Equal("far off", Encoding.UTF8.GetString(first.Body.Span));

        // The other holder says the same, which is no news.
        var more = cluster.Fetcher.DescribeAsync(
            3, cluster.Newcomer.Peers, StateCluster.Patience, knowsProvisional: true, cancellationToken: Cancellation);
        cluster.Servers[1].Describe(3, "far off"u8.ToArray(), isProvisional: true);

        // A holder looks at all questions in each turn: one that it answers now comes after that one.
        using var other = cluster.Newcomer.CreateStateFetcher();
        foreach (var (holder, server) in cluster.Newcomer.Peers.Zip(cluster.Servers))
        {
            server.Describe(2, "other"u8.ToArray());
            await other.DescribeAsync(2, [holder], StateCluster.Patience, cancellationToken: Cancellation);
        }

        Assert.False(more.IsCompleted);
        cluster.Servers[1].Describe(3, "step 3"u8.ToArray());
        Assert.Equal(("step 3", false), (Encoding.UTF8.GetString((await more).Body.Span), (await more).IsProvisional));
    }

    [Fact]
    public async Task Process_outside_the_view_may_listen_and_gets_no_state()
    {
        using var cluster = new StateCluster(1, 100);
        cluster.OfferAll(1);
        cluster.Servers[0].Describe(1, "step 1"u8.ToArray());
        using var stranger = new StateFetcher(new TcpTransport(), new StateFetcherOptions
        {
            Run = cluster.Cluster.Run, Self = new StatePeer(new MemberId(77), 78),
        });
        IReadOnlyList<StateHolder> holders = [cluster.Newcomer.Peers[0]];
        var said = await stranger.DescribeAsync(1, holders, StateCluster.Patience, cancellationToken: Cancellation);
        Assert.Equal("step 1", Encoding.UTF8.GetString(said.Body.Span));

        var request = new FetchRequest { Version = 1, Holders = holders, Targets = StateCluster.Tensors(StateCluster.Zeros(100)), Deadline = StateCluster.Patience };
        var refused = await Assert.ThrowsAsync<LinkException>(() => stranger.RunAsync(request, Cancellation));
        Assert.Contains("a guest gets no state", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, cluster.Servers[0].Counters.BytesServed);
    }

    // At this rate a chunk takes four seconds.
    [Fact]
    public async Task Capped_fetch_does_not_delay_answers()
    {
        using var cluster = new StateCluster(1, 100_000, options: new StateServerOptions { RateBytesPerSecond = 50_000, ChunkBytes = 200_000 });
        cluster.OfferAll(1);
        using var cancel = new CancellationTokenSource();
        using var other = cluster.Newcomer.CreateStateFetcher();
        var fetch = other.RunAsync(cluster.Request(1, StateCluster.Zeros(100_000)), cancel.Token);
        await StateTransferTests.Until(() => cluster.Servers[0].Counters.BytesServed > 0);
        var start = Stopwatch.GetTimestamp();
        for (var sequence = 1; sequence <= 20; sequence++)
        {
            cluster.Servers[0].Describe(sequence, "x"u8.ToArray());
            Assert.Equal("x", await Describe(cluster, sequence));
        }

        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(4), $"took {Stopwatch.GetElapsedTime(start)}");
        Assert.False(fetch.IsCompleted);
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
    }

    private static async Task<string> Describe(StateCluster cluster, long sequence) => Encoding.UTF8.GetString(
        (await cluster.Fetcher.DescribeAsync(
            sequence, [.. cluster.Newcomer.Peers.Take(cluster.Servers.Count)], StateCluster.Patience, cluster.Newcomer.View.Id, cancellationToken: Cancellation)).Body.Span);
}
