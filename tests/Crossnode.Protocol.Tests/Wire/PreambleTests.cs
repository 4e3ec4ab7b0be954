using Crossnode.Core;
using Crossnode.Protocol.Wire;

namespace Crossnode.Protocol.Tests.Wire;

[Trait("tier", "unit")]
public sealed class PreambleTests
{
    // Written out by hand from the table in docs/reference/protocol.md.
    private const string Golden =
        "584E4F44" + "0100" + "0000" + "0500000000000000"
        + "8877665544332211" + "00FFEEDDCCBBAA99"
        + "0300000000000000" + "EFCDAB8967452301"
        + "02000000" + "0D0C0B0A00000000"
        + "02" + "04" + "0300" + "00000000"
        + "AABBCC";

    private static Preamble Sample => new()
    {
        Features = 5,
        Run = new RunId(0x1122334455667788, 0x99AABBCCDDEEFF00),
        View = new ViewId(3, 0x0123456789ABCDEF),
        Member = new MemberId(2),
        Incarnation = 0x0A0B0C0D,
        Purpose = StreamPurpose.Control,
        Status = PreambleStatus.Refused,
        Authentication = new byte[] { 0xAA, 0xBB, 0xCC },
    };

    [Fact]
    public void Preamble_has_golden_bytes() => Assert.Equal(Golden, Convert.ToHexString(Sample.ToArray()));

    [Fact]
    public void Golden_bytes_read_back_and_following_bytes_stay()
    {
        var bytes = Convert.FromHexString(Golden + "FFFF");
        Assert.True(Preamble.TryRead(bytes, out var read, out var consumed, out var error));
        Assert.Null(error);
        Assert.Equal(Preamble.FixedSize + 3, consumed);
        Assert.Equal(Sample.Run, read!.Run);
        Assert.Equal(Sample.View, read.View);
        Assert.Equal((Sample.Member, Sample.Incarnation, Sample.Features), (read.Member, read.Incarnation, read.Features));
        Assert.Equal((StreamPurpose.Control, PreambleStatus.Refused), (read.Purpose, read.Status));
        Assert.Equal(Sample.Authentication.ToArray(), read.Authentication.ToArray());
    }

    [Fact]
    public void Truncated_preamble_waits_for_more_at_every_length()
    {
        var bytes = Convert.FromHexString(Golden);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(Preamble.TryRead(bytes.AsSpan(0, length), out _, out var consumed, out var error));
            Assert.Equal(0, consumed);
            Assert.Null(error);
        }
    }

    [Fact]
    public void Garbage_is_refused_after_four_bytes()
    {
        Assert.False(Preamble.TryRead("GET / HTTP/1.1"u8[..4], out _, out _, out var error));
        Assert.Contains("does not speak Crossnode", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Authentication_of_any_size_is_not_waited_for()
    {
        var bytes = Convert.FromHexString(Golden);
        bytes[62] = 0x01;
        bytes[63] = 0x10;
        Assert.False(Preamble.TryRead(bytes, out _, out _, out var error));
        Assert.Contains("4097 bytes", error, StringComparison.Ordinal);
    }
}
