using System.Diagnostics;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Wire;
using Google.Protobuf;

namespace Crossnode.Integration.Tests.State;

/// <summary>Goal: bytes that no fetcher or holder sends cost their sender its connection, and others a retry at most.</summary>
[Trait("tier", "integration")]
public sealed class BadStatePeerTests
{
    private const int Elements = 50_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> BadRequests => new()
    {
        { "data", "a Data frame on a state connection" },
        { "header", "frame type 99" },
        { "long", "a message of 4097 bytes" },
        { "longest", "a state frame of 2147483647 bytes" },
        { "garbage", "no message" },
        { "answer", "a Manifest, which only holders send" },
        { "piece", "a piece of a chunk, which only holders send" },
        { "no number", "request number 0" },
        { "many", "more than 64 requests at once" },
        { "torn", "closed|reset" },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public void Fetcher_that_breaks_the_rules_is_closed_and_others_are_served(string kind, string text)
    {
        using var cluster = new StateCluster(1, Elements);
        cluster.OfferAll(1);
        using (var raw = RawState.Open(cluster))
        {
            Assert.Equal(PreambleStatus.Ok, raw.ReadPreamble().Status);
            raw.Send(Bad(kind));
            if (kind != "torn")
            {
                raw.ReadToEnd();
            }
        }

        Fetch(cluster, [.. cluster.Newcomer.Peers.Take(1)]);
        Assert.True(SpinWait.SpinUntil(
            () => cluster.Cluster.Log.Any(line => text.Split('|').Any(part => line.Contains(part, StringComparison.Ordinal))), StateCluster.Patience));
    }

    [Fact]
    public void Requests_for_what_is_not_there_are_refused()
    {
        using var cluster = new StateCluster(1, Elements);
        cluster.OfferAll(1);
        using var raw = RawState.Open(cluster);
        Assert.Equal(PreambleStatus.Ok, raw.ReadPreamble().Status);
        foreach (var (wanted, text) in new (ChunkRequest, string)[]
        {
            (new ChunkRequest { Version = 9 }, "version 9 is no longer here"),
            (new ChunkRequest { Version = -1 }, "version -1 is no longer here"),
            (new ChunkRequest { Version = 1, Tensor = 4 }, "no chunk 0 of tensor 4"),
            (new ChunkRequest { Version = 1, Tensor = uint.MaxValue }, "of tensor 4294967295"),
            (new ChunkRequest { Version = 1, Tensor = 2 }, "no chunk 0 of tensor 2"),
            (new ChunkRequest { Version = 1, Chunk = uint.MaxValue }, "no chunk 4294967295 of tensor 0"),
        })
        {
            raw.Send(RawState.Frame(new StateMessage { Number = 1, AskChunk = wanted }));
            Assert.Contains(text, raw.ReadState().Refusal.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Strangers_are_refused_before_any_frame()
    {
        using var cluster = new StateCluster(1, Elements);
        foreach (var (change, status) in new (Func<Preamble, Preamble>, PreambleStatus)[]
        {
            (preamble => preamble with { Major = 9 }, PreambleStatus.OtherVersion),
            (preamble => preamble with { Run = new RunId(1, 2) }, PreambleStatus.OtherRun),
            (preamble => preamble with { Member = new MemberId(77) }, PreambleStatus.Refused),
            (preamble => preamble with { Incarnation = 5 }, PreambleStatus.Refused),
        })
        {
            using var raw = RawState.Open(cluster, change);
            Assert.Equal(status, raw.ReadPreamble().Status);
            raw.ReadToEnd();
        }
    }

    [Fact]
    public void One_fetcher_has_a_few_connections_only()
    {
        using var cluster = new StateCluster(1, Elements);
        cluster.OfferAll(1);
        var raws = Enumerable.Range(0, 8).Select(_ => RawState.Open(cluster)).ToList();
        raws.ForEach(raw => Assert.Equal(PreambleStatus.Ok, raw.ReadPreamble().Status));
        using (var ninth = RawState.Open(cluster))
        {
            Assert.Equal(PreambleStatus.Ok, ninth.ReadPreamble().Status);
            ninth.ReadToEnd();
        }

        raws.ForEach(raw => raw.Dispose());
        Fetch(cluster, [.. cluster.Newcomer.Peers.Take(1)]);
    }

    public static TheoryData<string> BadAnswers =>
    [
        "unasked", "other version", "bad manifest", "garbage", "wrong bytes", "wrong offset", "too long", "unasked piece", "close", "refuse", "control",
        "other process",
    ];

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public void Holder_that_breaks_the_rules_costs_a_retry_and_alone_it_is_named(string kind)
    {
        using var cluster = new StateCluster(2, Elements, options: new StateServerOptions { ChunkBytes = 1 << 14, RateBytesPerSecond = 3_000_000 });
        cluster.OfferAll(1);
        var record = cluster.Fetcher.FetchManifest(cluster.Request(1, []), Cancellation).ToRecord();
        using var fake = new FakeHolder(
            new Preamble { Run = cluster.Cluster.Run, Purpose = StreamPurpose.State, Member = new MemberId(50), Incarnation = kind == "other process" ? 6u : 5u },
            message => Answer(kind, message, record.Clone()));
        var bad = new StateHolder(new MemberId(50), 5, fake.Endpoint);
        Fetch(cluster, [bad, .. cluster.Newcomer.Peers.Take(2)]);

        var start = Stopwatch.GetTimestamp();
        var alone = Assert.Throws<LinkException>(() => Fetch(cluster, [bad]));
        Assert.Contains($"member 50 ({fake.Endpoint}): is left alone (", alone.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start) < StateCluster.Patience / 2);
    }

    private static byte[]? Answer(string kind, StateMessage request, ManifestRecord record)
    {
        var number = (long)request.Number;
        var manifest = RawState.Frame(new StateMessage { Number = request.Number, Manifest = record });
        if (request.AskManifest is not null)
        {
            switch (kind)
            {
                case "unasked":
                    return RawState.Frame(new StateMessage { Number = 99, Manifest = record });
                case "other version":
                    return RawState.Frame(new StateMessage
                    {
                        Number = request.Number, Manifest = new StateManifest(2, 1 << 14, [], default).ToRecord(),
                    });
                case "bad manifest":
                    record.TotalHash = ByteString.CopyFrom(new byte[16]);
                    return RawState.Frame(new StateMessage { Number = request.Number, Manifest = record });
                case "garbage":
                    return RawState.Frame(FrameType.State, [0xFF, 0xFF, 0xFF, 0xFF]);
                default:
                    return manifest;
            }
        }

        return kind switch
        {
            _ when request.AskChunk is null => [],
            "wrong bytes" => RawState.Frame(FrameType.Chunk, new byte[request.AskChunk.Tensor == 1 ? 52 : 1 << 14], number),
            "wrong offset" => RawState.Frame(FrameType.Chunk, new byte[16], number, offset: 16),
            "too long" => RawState.Frame(FrameType.Chunk, new byte[(1 << 14) + 1], number),
            "unasked piece" => RawState.Frame(FrameType.Chunk, new byte[16], number + 1000),
            "refuse" => RawState.Frame(new StateMessage { Number = request.Number, Refusal = new Refusal { Reason = new string('x', 100_000) } }),
            "control" => RawState.Frame(FrameType.Control, new byte[4]),
            _ => null,
        };
    }

    private static byte[] Bad(string kind)
    {
        var ask = new StateMessage { Number = 1, AskManifest = new ManifestRequest { Version = 77 } };
        switch (kind)
        {
            case "data":
                return RawState.Frame(FrameType.Data, new byte[16], sequence: 1);
            case "header":
                return RawState.Frame((FrameType)99, []);
            case "long":
                return RawState.Frame(FrameType.State, [], length: 4097);
            case "longest":
                return RawState.Frame(FrameType.State, [], length: int.MaxValue);
            case "garbage":
                return RawState.Frame(FrameType.State, [0xFF, 0xFF, 0xFF, 0xFF]);
            case "answer":
                return RawState.Frame(new StateMessage { Number = 1, Manifest = new ManifestRecord() });
            case "piece":
                return RawState.Frame(FrameType.Chunk, new byte[16], sequence: 1);
            case "no number":
                return RawState.Frame(new StateMessage { AskManifest = new ManifestRequest() });
            case "many":
                return [.. Enumerable.Range(0, 65).SelectMany(_ => RawState.Frame(ask))];
            default:
                return RawState.Frame(ask)[..40];
        }
    }

    private static void Fetch(StateCluster cluster, IReadOnlyList<StateHolder> holders)
    {
        var target = StateCluster.Zeros(Elements);
        cluster.Fetcher.Run(cluster.Request(1, target) with { Holders = holders }, Cancellation);
        Assert.Equal(StateCluster.Sum(cluster.Memory[0]), StateCluster.Sum(target));
    }
}
