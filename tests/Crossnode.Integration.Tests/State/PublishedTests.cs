using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Crossnode.Transport;

namespace Crossnode.Integration.Tests.State;

/// <summary>Goal: what members publish reaches whoever is outside the view, byte for byte, and opens no way to the state.</summary>
[Trait("tier", "integration")]
public sealed class PublishedTests
{
    private const int Bytes = 1_000_003;
    private const int ChunkBytes = 1 << 14;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Guest_fetches_what_is_published_from_all_and_no_state()
    {
        // Slow enough that none can serve all before the other has begun.
        using var cluster = new StateCluster(
            2, 100, options: new StateServerOptions { ChunkBytes = ChunkBytes, RateBytesPerSecond = 1 << 20 });
        using var guest = Guest(cluster);
        cluster.OfferAll(1);
        var text = Text();
        var target = new byte[Bytes];
        var holders = cluster.Newcomer.Peers.Take(2).ToList();

        // Whoever asks before it is there is answered once it is.
        var fetching = guest.RunAsync(Request(target, holders), Cancellation);
        await StateTransferTests.Until(() => cluster.Servers.All(server => server.Counters.Fetchers == 1));
        cluster.Servers.ForEach(server => server.Publish([Tensor(text)]));
        var fetched = await fetching;
        Assert.Equal(text, target);
        Assert.Equal(2, fetched.BytesFrom.Count);
        Assert.Equal(Bytes, fetched.BytesFrom.Values.Sum());
        // On a busy machine a chunk may be asked of a second one as well.
        Assert.InRange(cluster.Servers.Sum(server => server.Counters.BytesServed), Bytes, 2 * Bytes);

        var state = Request(target, holders) with { Version = 1, Targets = StateCluster.Tensors(StateCluster.Zeros(100)) };
        var refused = await Assert.ThrowsAsync<LinkException>(() => guest.RunAsync(state, Cancellation));
        Assert.Contains("a guest gets no state", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_published_stays_when_the_state_moves_and_is_never_copied()
    {
        using var cluster = new StateCluster(1, 100);
        var text = Text();
        var server = cluster.Servers[0];
        server.Publish([Tensor(text)]);
        for (var version = 1; version <= 5; version++)
        {
            server.Offer(version, StateCluster.Tensors(cluster.Memory[0]), default);
            var target = new byte[Bytes];
            cluster.Fetcher.Run(Request(target, [cluster.Newcomer.Peers[0]]), Cancellation);
            Assert.Equal(text, target);
            Assert.False(server.BeforeChange(keep: false).Copied);
        }

        Assert.Equal((0, 0L), (server.Counters.Copies, server.Counters.CopyBytes));
        Assert.Throws<InvalidOperationException>(() => server.Publish([Tensor(text)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Offer(StateServer.PublishedVersion, [], default));
    }

    [Fact]
    public void Chunks_of_a_corrupted_holder_cost_a_retry_with_another()
    {
        using var cluster = new StateCluster(
            1, 100, options: new StateServerOptions { ChunkBytes = ChunkBytes, RateBytesPerSecond = 1 << 20 });
        using var guest = Guest(cluster);
        var text = Text();
        cluster.Servers[0].Publish([Tensor(text)]);
        var good = cluster.Newcomer.Peers[0];
        var record = guest.FetchManifest(Request([], [good]) with { Targets = [] }, Cancellation).ToRecord();
        using var fake = new FakeHolder(
            new Preamble { Run = cluster.Cluster.Run, Purpose = StreamPurpose.State, Member = new MemberId(50), Incarnation = 5 },
            message => message.AskManifest is not null ? RawState.Frame(new StateMessage { Number = message.Number, Manifest = record.Clone() })
                : message.AskChunk is { } ask ? RawState.Frame(FrameType.Chunk, new byte[Math.Min(ChunkBytes, Bytes - (ask.Chunk * ChunkBytes))], (long)message.Number)
                : []);
        var target = new byte[Bytes];
        var fetched = guest.Run(Request(target, [good, new StateHolder(new MemberId(50), 5, fake.Endpoint)]), Cancellation);
        Assert.Equal(text, target);
        // Four are asked for at a time, and may all be here before the second counts.
        Assert.InRange(fetched.WrongChunks, 1, 4);
        Assert.Equal(good.Member, Assert.Single(fetched.BytesFrom).Key);
    }

    private static byte[] Text()
    {
        var text = new byte[Bytes];
        new Random(1).NextBytes(text);
        return text;
    }

    private static StateTensor Tensor(byte[] bytes) => new("text", TensorBuffer.FromBytes(bytes, ElementType.UInt8));

    private static FetchRequest Request(byte[] target, IReadOnlyList<StateHolder> holders) => new()
    {
        Version = StateServer.PublishedVersion, Holders = holders, Targets = [Tensor(target)], Deadline = StateCluster.Patience,
    };

    private static StateFetcher Guest(StateCluster cluster) => new(new TcpTransport(), new StateFetcherOptions
    {
        Run = cluster.Cluster.Run, Self = new StatePeer(new MemberId(77), 78),
    });
}
