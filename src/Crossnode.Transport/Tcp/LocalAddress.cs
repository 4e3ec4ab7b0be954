using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Crossnode.Core.Errors;

namespace Crossnode.Transport;

/// <summary>Which of this machine's addresses others can use.</summary>
public static class LocalAddress
{
    // Nothing is sent to it: a datagram socket that is connected only looks up the route.
    private const int AnyPort = 9;

    /// <summary>The address from which this machine reaches another one: where that one reaches it, unless a NAT lies between.</summary>
    /// <exception cref="InputException">There is no route.</exception>
    public static IPAddress Towards(IPAddress remote)
    {
        ArgumentNullException.ThrowIfNull(remote);
        if (IPAddress.IsLoopback(remote))
        {
            return remote;
        }

        try
        {
            using var socket = new Socket(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(new IPEndPoint(remote, AnyPort));
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException unreachable)
        {
            throw new InputException($"{remote} cannot be reached from this machine: {unreachable.Message}", unreachable);
        }
    }

    /// <summary>The address that other machines most likely reach this one by; the loopback's where there is no other.</summary>
    public static IPAddress Outward(AddressFamily family)
    {
        var candidates = NetworkInterface.GetAllNetworkInterfaces()
            .Where(one => one.OperationalStatus == OperationalStatus.Up && one.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .OrderBy(one => one.GetIPProperties().GatewayAddresses.Count > 0 ? 0 : 1)
            .SelectMany(Addresses)
            .Where(address => address.AddressFamily == family);
        return candidates.FirstOrDefault() ?? (family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Loopback : IPAddress.Loopback);
    }

    /// <summary>The first address of a network interface, IPv4 before IPv6.</summary>
    /// <exception cref="InputException">There is no such interface, or it has no address; the text lists those that have.</exception>
    public static IPAddress Of(string networkInterface)
    {
        var all = NetworkInterface.GetAllNetworkInterfaces()
            .Select(one => (one.Name, Address: Addresses(one).FirstOrDefault()))
            .Where(one => one.Address is not null)
            .ToList();
        return all.Find(one => one.Name == networkInterface).Address
            ?? throw new InputException(
                $"this machine has no network interface '{networkInterface}' with an address; it has "
                + string.Join(", ", all.Select(one => $"{one.Name} ({one.Address})")));
    }

    private static IEnumerable<IPAddress> Addresses(NetworkInterface one) => one.GetIPProperties().UnicastAddresses
        .Select(unicast => unicast.Address)
        .Where(address => !address.IsIPv6LinkLocal)
        .OrderBy(address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1);
}
