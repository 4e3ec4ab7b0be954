using System.Net;

namespace Crossnode.Core.Tests;

[Trait("tier", "unit")]
public sealed class PortRangeTests
{
    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("5000", 5000, 5000)]
    [InlineData("5000-5009", 5000, 5009)]
    public void Port_and_range_are_read(string text, int first, int last)
    {
        Assert.True(PortRange.TryParse(text, out var range));
        Assert.Equal(new PortRange(first, last), range);
        Assert.Equal(text, range.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-5")]
    [InlineData("5-")]
    [InlineData("9-5")]
    [InlineData("0-5")]
    [InlineData("65536")]
    [InlineData("1-2-3")]
    [InlineData("+5")]
    public void What_is_no_range_is_refused(string? text) => Assert.False(PortRange.TryParse(text, out _));

    [Theory]
    [InlineData("192.0.2.7:5000-5009", "192.0.2.7", 5000, 5009)]
    [InlineData("[::1]:0", "::1", 0, 0)]
    public void Address_with_ports_is_read(string text, string address, int first, int last)
    {
        Assert.True(PortRange.TryParseListen(text, out var parsed, out var ports));
        Assert.Equal(IPAddress.Parse(address), parsed);
        Assert.Equal(new PortRange(first, last), ports);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("192.0.2.7")]
    [InlineData("192.0.2.7:")]
    [InlineData("here:5")]
    [InlineData("::1:5000-5001")]
    public void Address_without_ports_is_refused(string? text) => Assert.False(PortRange.TryParseListen(text, out _, out _));
}
