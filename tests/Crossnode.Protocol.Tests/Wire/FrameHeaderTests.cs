using Crossnode.Core;
using Crossnode.Protocol.Wire;

namespace Crossnode.Protocol.Tests.Wire;

[Trait("tier", "unit")]
public sealed class FrameHeaderTests
{
    // Written out by hand from the table in docs/reference/protocol.md. 48: the double 1.5.
    private const string Golden =
        "01" + "02" + "03" + "02" + "00" + "01" + "0702"
        + "44332211" + "05000000" + "0900000000000000" + "0004000000000000"
        + "0000010000000000" + "00100000" + "03000000"
        + "000000000000F83F" + "8877665544332211";

    private static FrameHeader Sample => new()
    {
        Type = FrameType.Data,
        Kind = CollectiveKind.AllReduce,
        Element = ElementType.Float32,
        Reduce = ReduceOperator.Average,
        Flags = FrameHeader.ReportFlag,
        Part = 0x0207,
        Tag = 0x11223344,
        Step = 5,
        Sequence = 9,
        Count = 1024,
        Offset = 65536,
        Length = 4096,
        Root = 3,
        WeightSum = 1.5,
        OperationHash = 0x1122334455667788,
    };

    [Fact]
    public void Header_has_golden_bytes()
    {
        var bytes = new byte[FrameHeader.Size];
        Sample.Write(bytes);
        Assert.Equal(Golden, Convert.ToHexString(bytes));
    }

    [Fact]
    public void Golden_bytes_read_back()
    {
        Assert.True(FrameHeader.TryRead(Convert.FromHexString(Golden), out var header, out var error));
        Assert.Null(error);
        Assert.Equal(Sample, header);
    }

    [Fact]
    public void Truncated_header_is_named()
    {
        Assert.False(FrameHeader.TryRead(new byte[63], out _, out var error));
        Assert.Equal("a frame header has 64 bytes, got 63", error);
    }

    [Theory]
    [InlineData(0, 0, "frame type 0")]
    [InlineData(0, 99, "frame type 99")]
    [InlineData(43, 0x7F, "a data frame of")] // length above the maximum
    [InlineData(43, 0xFF, "a data frame of")] // negative length
    [InlineData(23, 0xFF, "operation number")]
    [InlineData(15, 0xFF, "step")]
    [InlineData(31, 0xFF, "count")]
    [InlineData(39, 0xFF, "count")]
    public void Garbage_fields_are_refused_by_name(int position, byte value, string expected)
    {
        var bytes = Convert.FromHexString(Golden);
        bytes[position] = value;
        Assert.False(FrameHeader.TryRead(bytes, out _, out var error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FrameType.Credit)]
    [InlineData(FrameType.Token)]
    [InlineData(FrameType.Frozen)]
    [InlineData(FrameType.Heartbeat)]
    public void Frames_without_payload_may_not_announce_one(FrameType type)
    {
        var bytes = new byte[FrameHeader.Size];
        (Sample with { Type = type, Length = 1 }).Write(bytes);
        Assert.False(FrameHeader.TryRead(bytes, out _, out var error));
        Assert.Contains("with a payload", error, StringComparison.Ordinal);
        (Sample with { Type = type, Length = 0 }).Write(bytes);
        Assert.True(FrameHeader.TryRead(bytes, out _, out _));
    }

    [Theory]
    [InlineData(FrameType.State, 0, FrameHeader.MaxControlLength, 0, null)]
    [InlineData(FrameType.State, 0, FrameHeader.MaxControlLength + 1, 0, "a state frame of")]
    [InlineData(FrameType.Chunk, 1, 1, 0, null)]
    [InlineData(FrameType.Chunk, 1, 0, 0, "a piece of a chunk of 0 bytes")]
    [InlineData(FrameType.Chunk, 1, FrameHeader.MaxDataLength + 1, 0, "a piece of a chunk of")]
    [InlineData(FrameType.Chunk, 0, 1, 0, "for request 0")]
    [InlineData(FrameType.Chunk, 1, 1, -1, "at -1")]
    public void Frames_of_state_connections_are_bounded(
        FrameType type, long sequence, int length, long offset, string? expected)
    {
        var bytes = new byte[FrameHeader.Size];
        new FrameHeader { Type = type, Sequence = sequence, Length = length, Offset = offset }.Write(bytes);
        Assert.Equal(expected is null, FrameHeader.TryRead(bytes, out _, out var error));
        Assert.Contains(expected ?? "", error ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Control_body_has_its_own_maximum()
    {
        var bytes = new byte[FrameHeader.Size];
        new FrameHeader { Type = FrameType.Control, Length = FrameHeader.MaxControlLength + 1 }.Write(bytes);
        Assert.False(FrameHeader.TryRead(bytes, out _, out var error));
        Assert.Contains("a control frame of", error, StringComparison.Ordinal);
    }
}
