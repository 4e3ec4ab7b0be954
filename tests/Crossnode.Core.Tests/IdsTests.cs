using Crossnode.Core;

namespace Crossnode.Core.Tests;

public sealed class IdsTests
{
    [Fact]
    public void RunId_text_round_trips()
    {
        var id = new RunId(0x0123456789ABCDEF, 0xFEDCBA9876543210);
        Assert.Equal("0123456789abcdeffedcba9876543210", id.ToString());
        Assert.True(RunId.TryParse(id.ToString(), out var parsed));
        Assert.Equal(id, parsed);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0123456789abcdeffedcba987654321")]
    [InlineData("0123456789abcdeffedcba987654321g")]
    public void RunId_refuses_other_text(string? text) => Assert.False(RunId.TryParse(text, out _));

    [Fact]
    public void SplitMix64_gives_the_published_sequence()
    {
        // The first outputs for seed 1234567 in the reference implementation's own test.
        var random = new DeterministicRandom(1234567);
        Assert.Equal(6457827717110365317UL, random.NextUInt64());
        Assert.Equal(3203168211198807973UL, random.NextUInt64());
    }

    [Theory]
    [InlineData("127.0.0.1:5000", true)]
    [InlineData("[::1]:5000", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("127.0.0.1:99999", false)]
    [InlineData("somewhere:80", false)]
    public void Endpoint_text_is_checked(string text, bool ok) => Assert.Equal(ok, Endpoints.TryParse(text, out _));
}
