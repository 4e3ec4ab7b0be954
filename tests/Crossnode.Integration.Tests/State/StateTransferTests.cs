using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests.State;

/// <summary>Goal: a member fetches exactly the state that holders hold, whatever happens to holders meanwhile. Method: sessions of a
/// run on loopback sockets; sums of all bytes are compared by SHA-256, which the product does not use.</summary>
[Trait("tier", "integration")]
public sealed class StateTransferTests
{
    private const int Elements = 300_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, int> Holders => new() { { "tcp", 1 }, { "tcp", 3 }, { "memory", 2 } };

    [Theory]
    [MemberData(nameof(Holders))]
    public void Fetch_from_all_holders_gives_their_bytes(string kind, int holders)
    {
        // Slow enough that none can serve all before the others have begun.
        var slow = new StateServerOptions { ChunkBytes = 1 << 14, RateBytesPerSecond = 1 << 20 };
        using var cluster = new StateCluster(holders, Elements, kind == "tcp" ? new TcpTransport() : new MemoryTransport(), slow);
        cluster.OfferAll(5, [7, 8, 9]);
        var target = StateCluster.Zeros(Elements);
        var last = 0L;
        var fetched = cluster.Fetcher.Run(
            cluster.Request(5, target) with { Progress = (bytes, total, _) => (last, total) = (bytes, Check(bytes, last, total)) },
            Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[0]), StateCluster.Sum(target));
        Assert.Equal([7, 8, 9], fetched.Blob.ToArray());
        Assert.Equal(Elements * 4L, fetched.BytesFetched);
        Assert.Equal(Elements * 4L, last);
        Assert.Equal(Elements * 4L, fetched.BytesFrom.Values.Sum());
        Assert.Equal(holders, fetched.BytesFrom.Count);
        Assert.Equal(0, fetched.BytesMatched);
    }

    [Fact]
    public void Chunks_that_are_here_already_are_not_fetched()
    {
        using var cluster = new StateCluster(2, Elements);
        cluster.OfferAll(1);
        var target = StateCluster.Values(Elements, seed: 1);
        target[0][5_000] += 1;
        target[3][0] += 1;
        var fetched = cluster.Fetcher.Run(cluster.Request(1, target), Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[0]), StateCluster.Sum(target));
        Assert.Equal(2 << 14, fetched.BytesFetched);
        Assert.Equal((Elements * 4L) - (2 << 14), fetched.BytesMatched);
    }

    [Fact]
    public void Only_targets_are_fetched()
    {
        using var cluster = new StateCluster(1, Elements);
        cluster.OfferAll(1);
        var bias = new float[13];
        var fetched = cluster.Fetcher.Run(
            cluster.Request(1, []) with { Targets = [new StateTensor("h.0.bias", TensorBuffer.From(bias))] }, Cancellation);
        Assert.Equal(cluster.Memory[0][1], bias);
        Assert.Equal(13 * 4, fetched.BytesFetched);
    }

    [Theory]
    [InlineData("other", 13, "has no tensor 'other'")]
    [InlineData("h.0.bias", 14, "has 13 elements of f32 in the run's state, here 14 of f32")]
    public void Target_of_another_model_is_refused_by_name(string name, int count, string text)
    {
        using var cluster = new StateCluster(1, Elements);
        cluster.OfferAll(1);
        var request = cluster.Request(1, []) with { Targets = [new StateTensor(name, TensorBuffer.From(new float[count]))] };
        Assert.Contains(text, Assert.Throws<InputException>(() => cluster.Fetcher.Run(request, Cancellation)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Manifest_and_blob_are_fetched_alone()
    {
        using var cluster = new StateCluster(2, Elements);
        cluster.OfferAll(1, [4, 5]);
        var manifest = cluster.Fetcher.FetchManifest(cluster.Request(1, []), Cancellation);
        Assert.Equal(["wte", "h.0.bias", "empty", "h.0.weight"], manifest.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(Elements * 4L, manifest.TotalBytes);
        Assert.Equal([4, 5], cluster.Fetcher.FetchBlob(cluster.Request(1, []), Cancellation).ToArray());
    }

    [Fact]
    public async Task Fetch_waits_for_a_version_that_is_not_offered_yet()
    {
        using var cluster = new StateCluster(2, Elements);
        cluster.OfferAll(1);
        var target = StateCluster.Zeros(Elements);
        var fetch = cluster.Fetcher.RunAsync(cluster.Request(2, target), Cancellation);
        await Until(() => cluster.Servers.All(server => server.Counters.Fetchers == 1));
        Assert.False(fetch.IsCompleted);
        cluster.OfferAll(2);
        await fetch.WaitAsync(StateCluster.Patience, Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[0]), StateCluster.Sum(target));
    }

    // The rate is low enough that most of the version is still to come when the live memory changes.
    [Fact]
    public async Task Live_memory_may_change_while_it_is_fetched()
    {
        using var cluster = new StateCluster(2, Elements, options: Slow(2_000_000));
        cluster.OfferAll(3);
        var expected = StateCluster.Sum(cluster.Memory[0]);
        var target = StateCluster.Zeros(Elements);
        var some = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var fetch = cluster.Fetcher.RunAsync(cluster.Request(3, target) with { Progress = (_, _, _) => some.TrySetResult() }, Cancellation);
        await some.Task.WaitAsync(StateCluster.Patience, Cancellation);
        for (var holder = 0; holder < 2; holder++)
        {
            var cost = cluster.Servers[holder].BeforeChange(keep: false);
            Assert.True(cost.Copied);
            Assert.InRange(cost.Bytes, Elements * 4L, (Elements * 4L) + 1024);
            foreach (var tensor in cluster.Memory[holder])
            {
                Array.Fill(tensor, float.NaN);
            }

            Assert.Equal(cost.Bytes, cluster.Servers[holder].Counters.CopyBytes);
        }

        Assert.False(fetch.IsCompleted);
        cluster.OfferAll(4);
        var fetched = await fetch.WaitAsync(StateCluster.Patience, Cancellation);
        Assert.Equal(expected, StateCluster.Sum(target));
        Assert.Equal(0, fetched.WrongChunks);

        // Done is done: the memory is given back.
        await Until(() => cluster.Servers.All(server => server.Counters.CopyBytes == 0));
        Assert.All(cluster.Servers, server => Assert.False(server.BeforeChange(keep: false).Copied));
    }

    [Fact]
    public void Nobody_fetches_and_nothing_is_copied()
    {
        using var cluster = new StateCluster(1, Elements);
        Assert.Equal(default, cluster.Servers[0].BeforeChange(keep: false));
        cluster.OfferAll(1);
        Assert.Equal(default, cluster.Servers[0].BeforeChange(keep: false));
        var gone = Assert.Throws<LinkException>(
            () => cluster.Fetcher.Run(cluster.Request(1, StateCluster.Zeros(Elements)), Cancellation));
        Assert.Contains("version 1 is no longer here (the newest is 1)", gone.Message, StringComparison.Ordinal);
        Assert.Contains("member 0", gone.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Copy_for_a_newcomer_that_is_known_to_come_is_kept_until_it_is_done(bool isNamed)
    {
        using var cluster = new StateCluster(2, Elements);
        cluster.OfferAll(1);
        var expected = StateCluster.Sum(cluster.Memory[0]);
        for (var holder = 0; holder < 2; holder++)
        {
            var cost = isNamed
                ? cluster.Servers[holder].BeforeChange([cluster.NewcomerPeer])
                : cluster.Servers[holder].BeforeChange(keep: true);
            Assert.True(cost.Copied);
            Array.Clear(cluster.Memory[holder][0]);
        }

        cluster.OfferAll(2);
        var target = StateCluster.Zeros(Elements);
        cluster.Fetcher.Run(cluster.Request(1, target), Cancellation);
        Assert.Equal(expected, StateCluster.Sum(target));
        await Until(() => cluster.Servers.All(server => server.Counters.Copies == 0));
    }

    [Fact]
    public async Task Copy_is_dropped_when_its_newcomer_leaves_the_view()
    {
        using var cluster = new StateCluster(2, Elements);
        cluster.OfferAll(1);
        cluster.Servers[0].BeforeChange([cluster.NewcomerPeer]);
        Assert.Equal(1, cluster.Servers[0].Counters.Copies);
        cluster.Newcomer.Dispose();
        await Until(() => cluster.Servers[0].Counters.Copies == 0);
    }

    [Fact]
    public void Oldest_copy_gives_way_when_there_are_too_many()
    {
        using var cluster = new StateCluster(1, Elements, options: new StateServerOptions { ChunkBytes = 1 << 14, MaxCopies = 2 });
        for (var version = 1; version <= 3; version++)
        {
            cluster.OfferAll(version);
            cluster.Servers[0].BeforeChange([cluster.NewcomerPeer]);
        }

        Assert.Equal(2, cluster.Servers[0].Counters.Copies);
        cluster.Fetcher.Run(cluster.Request(2, StateCluster.Zeros(Elements)), Cancellation);
        Assert.Throws<LinkException>(() => cluster.Fetcher.Run(cluster.Request(1, StateCluster.Zeros(Elements)), Cancellation));
        cluster.Servers[0].Drop(3);
        Assert.Throws<LinkException>(() => cluster.Fetcher.Run(cluster.Request(3, StateCluster.Zeros(Elements)), Cancellation));
    }

    [Theory]
    [InlineData("server")]
    [InlineData("session")]
    public async Task Holder_that_dies_in_the_middle_costs_a_retry(string what)
    {
        using var cluster = new StateCluster(3, Elements, options: Slow(1_000_000));
        cluster.OfferAll(1);
        var target = StateCluster.Zeros(Elements);
        var some = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var fetch = cluster.Fetcher.RunAsync(
            cluster.Request(1, target) with { Progress = (_, _, from) => _ = from.Value == 0 && some.TrySetResult() }, Cancellation);
        await some.Task.WaitAsync(StateCluster.Patience, Cancellation);
        cluster.Servers[0].Dispose();
        if (what == "session")
        {
            cluster.Cluster.Sessions[0].Abandon();
        }

        Assert.False(fetch.IsCompleted);
        var fetched = await fetch.WaitAsync(StateCluster.Patience, Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[1]), StateCluster.Sum(target));
        Assert.Contains(new MemberId(1), fetched.BytesFrom.Keys);
    }

    [Fact]
    public void All_holders_dead_is_said_at_once_and_names_them()
    {
        using var cluster = new StateCluster(2, Elements);
        cluster.OfferAll(1);
        cluster.Servers.ForEach(server => server.Dispose());
        var request = cluster.Request(1, StateCluster.Zeros(Elements));
        var lost = Assert.Throws<LinkException>(() => cluster.Fetcher.Run(request, Cancellation));
        Assert.Contains("no holder is left: member 0", lost.Message, StringComparison.Ordinal);
        Assert.Contains("member 1", lost.Message, StringComparison.Ordinal);
    }

    // A holder whose memory changes although it promised that it would not sends what its manifest does not say.
    [Fact]
    public async Task Wrong_chunks_are_fetched_from_others()
    {
        using var cluster = new StateCluster(3, Elements, options: Slow(1_000_000));
        cluster.OfferAll(1);
        var expected = StateCluster.Sum(cluster.Memory[1]);
        var target = StateCluster.Zeros(Elements);
        var some = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var fetch = cluster.Fetcher.RunAsync(
            cluster.Request(1, target) with { Progress = (_, _, from) => _ = from.Value == 0 && some.TrySetResult() }, Cancellation);
        await some.Task.WaitAsync(StateCluster.Patience, Cancellation);
        Array.Clear(cluster.Memory[0][0]);
        Array.Clear(cluster.Memory[0][3]);
        var fetched = await fetch.WaitAsync(StateCluster.Patience, Cancellation);
        Assert.Equal(expected, StateCluster.Sum(target));
        Assert.InRange(fetched.WrongChunks, 1, 2);
    }

    [Fact]
    public void Most_popular_state_wins_and_of_equally_popular_ones_that_of_the_lowest_member()
    {
        using var cluster = new StateCluster(3, Elements);
        cluster.Memory[0][0][0] += 1;
        cluster.OfferAll(1);
        var target = StateCluster.Zeros(Elements);
        cluster.Fetcher.Run(cluster.Request(1, target), Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[1]), StateCluster.Sum(target));

        var two = cluster.Request(1, target) with { Holders = [.. cluster.Newcomer.Peers.Take(2).Reverse()] };
        var fetched = cluster.Fetcher.Run(two, Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[0]), StateCluster.Sum(target));
        Assert.Equal(new MemberId(0), Assert.Single(fetched.BytesFrom).Key);
    }

    [Fact]
    public async Task Deadline_names_holder_phase_and_tensor()
    {
        using var cluster = new StateCluster(1, Elements, options: Slow(100_000));
        cluster.OfferAll(1);
        var target = StateCluster.Zeros(Elements);
        var late = await Assert.ThrowsAsync<DeadlineException>(() => cluster.Fetcher.RunAsync(
            cluster.Request(1, target) with { Deadline = TimeSpan.FromSeconds(1.5) }, Cancellation));
        Assert.Contains("member 0 (127.0.0.1:", late.Message, StringComparison.Ordinal);
        Assert.Contains("chunks are under way", late.Message, StringComparison.Ordinal);
        Assert.Contains("of tensor 'wte'", late.Message, StringComparison.Ordinal);
        late = await Assert.ThrowsAsync<DeadlineException>(() => cluster.Fetcher.RunAsync(
            cluster.Request(2, target) with { Deadline = TimeSpan.FromSeconds(0.2) }, Cancellation));
        Assert.Contains("has not given its manifest", late.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_fetch_ends_at_once_and_leaves_right_chunks_only()
    {
        using var cluster = new StateCluster(1, Elements, options: Slow(500_000));
        cluster.OfferAll(1);
        var target = StateCluster.Zeros(Elements);
        using var cancel = new CancellationTokenSource();
        var request = cluster.Request(1, target) with { Progress = (_, _, _) => cancel.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster.Fetcher.RunAsync(request, cancel.Token));
        for (var tensor = 0; tensor < target.Length; tensor++)
        {
            for (var at = 0; at < target[tensor].Length; at++)
            {
                Assert.True(target[tensor][at] == 0 || target[tensor][at] == cluster.Memory[0][tensor][at]);
            }
        }
    }

    private static StateServerOptions Slow(long rate) => new() { ChunkBytes = 1 << 14, RateBytesPerSecond = rate };

    private static long Check(long bytes, long last, long total)
    {
        Assert.InRange(bytes, last + 1, total);
        return total;
    }

    internal static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(StateCluster.Patience);
        while (!condition())
        {
            await Task.Delay(5, deadline.Token);
        }
    }
}
