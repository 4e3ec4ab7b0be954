using System.IO.Hashing;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Protocol.State;
using Google.Protobuf;

namespace Crossnode.Collectives.Tests.State;

[Trait("tier", "unit")]
public sealed class StateManifestTests
{
    // By hand from the page on the protocol: tensor "w" of five f32 in chunks of 16 bytes, an empty tensor "é" of f16, a blob AA BB.
    private const string HashesOfW = "000102030405060708090A0B0C0D0E0F" + "101112131415161718191A1B1C1D1E1F";

    private const string TotalInput =
        "0700000000000000" + "10000000" + "02000000"
        + "01000000" + "77" + "03" + "0500000000000000" + HashesOfW
        + "02000000" + "C3A9" + "01" + "0000000000000000"
        + "02000000" + "AABB";

    private const string Body =
        "0807" + "1010"
        + "1A29" + "0A0177" + "1003" + "1805" + "2220" + HashesOfW
        + "1A06" + "0A02C3A9" + "1001"
        + "2202AABB"
        + "2A10";

    private static StateManifest Sample => new(
        7,
        16,
        [
            new TensorManifest("w", ElementType.Float32, 5, [new UInt128(0x0001020304050607, 0x08090A0B0C0D0E0F), new UInt128(0x1011121314151617, 0x18191A1B1C1D1E1F)]),
            new TensorManifest("é", ElementType.Float16, 0, []),
        ],
        new byte[] { 0xAA, 0xBB });

    private static string Total => Convert.ToHexString(XxHash128.Hash(Convert.FromHexString(TotalInput)));

    [Fact]
    public void Manifest_has_golden_bytes() => Assert.Equal(Body + Total, Convert.ToHexString(Sample.ToRecord().ToByteArray()));

    [Fact]
    public void Golden_bytes_read_back()
    {
        var record = ManifestRecord.Parser.ParseFrom(Convert.FromHexString(Body + Total));
        Assert.True(StateManifest.TryRead(record, out var read, out var error), error);
        Assert.Equal(Sample.TotalHash, read.TotalHash);
        Assert.Equal((7L, 16, 2, 20L), (read.Version, read.ChunkBytes, read.ChunkCount, read.TotalBytes));
        Assert.Equal(["w", "é"], read.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([0xAA, 0xBB], read.Blob.ToArray());
    }

    [Fact]
    public void Requests_have_golden_bytes()
    {
        var request = new StateMessage { Number = 5, AskChunk = new ChunkRequest { Version = 7, Tensor = 1, Chunk = 300 } };
        Assert.Equal("0805" + "2207" + "0807" + "1001" + "18AC02", Convert.ToHexString(request.ToByteArray()));
        Assert.Equal("0801" + "1202" + "0809", Convert.ToHexString(new StateMessage { Number = 1, Describe = new DescribeRequest { Sequence = 9 } }.ToByteArray()));
        Assert.Equal("0802" + "1A02" + "0807", Convert.ToHexString(new StateMessage { Number = 2, AskManifest = new ManifestRequest { Version = 7 } }.ToByteArray()));
        Assert.Equal("0803" + "2A02" + "0807", Convert.ToHexString(new StateMessage { Number = 3, Ended = new FetchEnded { Version = 7 } }.ToByteArray()));
    }

    [Fact]
    public void Chunks_are_found_and_cover_each_tensor_once()
    {
        var hashes = Enumerable.Repeat(UInt128.Zero, 3).ToArray();
        var manifest = new StateManifest(
            1,
            8,
            [
                new TensorManifest("empty", ElementType.Float32, 0, []),
                new TensorManifest("a", ElementType.Float64, 3, hashes),
                new TensorManifest("none", ElementType.Float32, 0, []),
                new TensorManifest("b", ElementType.Float16, 5, hashes[..2]),
                new TensorManifest("last", ElementType.Float32, 0, []),
            ],
            default);
        Assert.Equal(
            [new(1, 0, 0, 8), new(1, 1, 8, 8), new(1, 2, 16, 8), new(3, 0, 0, 8), new(3, 1, 8, 2)],
            Enumerable.Range(0, manifest.ChunkCount).Select(manifest.Place));
        Assert.Throws<ArgumentOutOfRangeException>(() => manifest.Place(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => manifest.Place(-1));
    }

    public static TheoryData<string, string> Garbage => new()
    {
        { "no chunk size", "chunks of 0 bytes" },
        { "huge chunks", "chunks of 16777217 bytes" },
        { "huge blob", "a blob of 1048577 bytes" },
        { "many", "65537 tensors" },
        { "no name", "a name of 0 characters" },
        { "long name", "a name of 1025 characters" },
        { "type", "element type 99" },
        { "far type", "element type 259" },
        { "negative", "of -1 elements" },
        { "endless", "of 9223372036854775807 elements" },
        { "few hashes", "16 bytes of hashes for 2 chunks" },
        { "torn hashes", "31 bytes of hashes for 2 chunks" },
        { "twice", "two tensors 'w'" },
        { "other total", "total hash" },
        { "no total", "total hash" },
    };

    [Theory]
    [MemberData(nameof(Garbage))]
    public void Garbage_is_refused_by_name(string kind, string text)
    {
        var record = Sample.ToRecord();
        var tensor = record.Tensors[0];
        Action spoil = kind switch
        {
            "no chunk size" => () => record.ChunkBytes = 0,
            "huge chunks" => () => record.ChunkBytes = (16 << 20) + 1,
            "huge blob" => () => record.Blob = ByteString.CopyFrom(new byte[(1 << 20) + 1]),
            "many" => () => record.Tensors.Add(Enumerable.Repeat(tensor, (1 << 16) - 1)),
            "no name" => () => tensor.Name = "",
            "long name" => () => tensor.Name = new string('x', 1025),
            "type" => () => tensor.ElementType = 99,
            "far type" => () => tensor.ElementType = 256 + 3,
            "negative" => () => tensor.Count = -1,
            "endless" => () => tensor.Count = long.MaxValue,
            "few hashes" => () => tensor.ChunkHashes = ByteString.CopyFrom(new byte[16]),
            "torn hashes" => () => tensor.ChunkHashes = ByteString.CopyFrom(new byte[31]),
            "twice" => () => record.Tensors.Add(tensor.Clone()),
            "other total" => () => record.Version++,
            _ => () => record.TotalHash = ByteString.Empty,
        };
        spoil();
        Assert.False(StateManifest.TryRead(record, out var manifest, out var error));
        Assert.Null(manifest);
        Assert.Contains(text, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_difference_gives_another_total()
    {
        var one = Sample;
        var tensor = one.Tensors[0];
        StateManifest[] others =
        [
            new(8, 16, one.Tensors, one.Blob),
            new(7, 16, one.Tensors, new byte[] { 0xAA }),
            new(7, 16, [tensor with { Name = "v" }, one.Tensors[1]], one.Blob),
            new(7, 16, [tensor with { Type = ElementType.Float64 }, one.Tensors[1]], one.Blob),
            new(7, 16, [tensor with { ChunkHashes = [tensor.ChunkHashes[1], tensor.ChunkHashes[0]] }, one.Tensors[1]], one.Blob),
            new(7, 16, [one.Tensors[1], tensor], one.Blob),
            new(7, 16, [tensor], one.Blob),
        ];
        Assert.Equal(others.Length + 1, others.Append(one).Select(manifest => manifest.TotalHash).Distinct().Count());
    }
}
