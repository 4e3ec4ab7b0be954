using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Transport.Tests;

[Trait("tier", "unit")]
public sealed class PortSearchTests
{
    [Fact]
    public void Range_goes_past_ports_that_are_taken()
    {
        var transport = new TcpTransport();
        using var first = transport.Listen("127.0.0.1", PortRange.Any);
        Assert.True(Endpoints.TryParse(first.Address, out var taken));
        using var second = transport.Listen("127.0.0.1", new PortRange(taken.Port, Math.Min(taken.Port + 200, ushort.MaxValue)));
        Assert.True(Endpoints.TryParse(second.Address, out var found));
        Assert.InRange(found.Port, taken.Port + 1, taken.Port + 200);
    }

    [Fact]
    public void Range_that_is_taken_is_named()
    {
        var transport = new TcpTransport();
        using var first = transport.Listen("127.0.0.1", PortRange.Any);
        Assert.True(Endpoints.TryParse(first.Address, out var taken));
        var one = new PortRange(taken.Port, taken.Port);
        Assert.Contains("another program uses that port", Assert.Throws<InputException>(() => transport.Listen("127.0.0.1", one)).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "none of the ports 1-2 can be listened on",
            Assert.Throws<InputException>(() => transport.Listen("192.0.2.1", new PortRange(1, 2))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Address_towards_this_machine_is_its_own()
    {
        Assert.Equal("127.0.0.1", LocalAddress.Towards(System.Net.IPAddress.Loopback).ToString());
        Assert.Equal("127.0.0.1", LocalAddress.Of(LocalAddressTestNames.Loopback).ToString());
        Assert.Contains(
            LocalAddressTestNames.Loopback,
            Assert.Throws<InputException>(() => LocalAddress.Of("no such interface")).Message,
            StringComparison.Ordinal);
    }

    private static class LocalAddressTestNames
    {
        public static string Loopback { get; } = System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .First(one => one.NetworkInterfaceType == System.Net.NetworkInformation.NetworkInterfaceType.Loopback).Name;
    }
}
