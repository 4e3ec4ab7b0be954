using System.Net;
using System.Net.NetworkInformation;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Launching;

[Trait("tier", "unit")]
public sealed class NetworkPlaceTests
{
    private readonly string _loopback = NetworkInterface.GetAllNetworkInterfaces()
        .First(i => i.NetworkInterfaceType == NetworkInterfaceType.Loopback).Name;

    [Fact]
    public void Address_that_is_not_the_interface_s_is_refused_also_on_loopback()
    {
        var refused = Assert.Throws<UsageException>(() => Place("127.0.0.2:5000"));
        Assert.StartsWith(
            $"--listen names the address 127.0.0.2, and --interface {_loopback} has 127.0.0.1: give one of them", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1:5000")]
    [InlineData("0.0.0.0:5000")]
    public void Interface_decides_the_address_where_no_other_one_is_named(string listen)
    {
        var place = Place(listen);
        Assert.Equal(IPAddress.Loopback, place.Address);
        Assert.Equal(listen.Length > 0 ? 5000 : 0, place.Ports.First);
    }

    private NetworkPlace Place(string listen) => NetworkPlace.Parse(listen, _loopback, advertise: "", insecure: false, IPAddress.Loopback);
}
