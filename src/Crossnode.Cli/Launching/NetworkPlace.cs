using System.Net;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Transport;

namespace Crossnode.Cli.Launching;

/// <summary>Where processes of this machine listen, and how others call them.</summary>
/// <param name="Address">The address; null: the one from which the coordinator is reached.</param>
/// <param name="Ports">Of which each process takes one.</param>
/// <param name="Advertise">The address that others are told; null: the one listened on.</param>
/// <param name="Insecure">Whether an address that other machines reach is allowed, though nothing checks who comes.</param>
internal sealed record NetworkPlace(IPAddress? Address, PortRange Ports, string? Advertise, bool Insecure)
{
    /// <summary>This machine only, any port.</summary>
    public static NetworkPlace Local { get; } = new(IPAddress.Loopback, PortRange.Any, null, Insecure: false);

    /// <summary>Whether every address of the machine is meant.</summary>
    public bool IsEverywhere => Address is { } address && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));

    /// <summary>Whether other machines can reach it.</summary>
    public bool IsOpen => Address is { } address && !IPAddress.IsLoopback(address);

    /// <summary>Whether a port was given that only one process can have.</summary>
    public bool IsForOne => (Ports.First == Ports.Last && Ports.First > 0) || (Advertise is { } told && Endpoints.TryParse(told, out var at) && at.Port > 0);

    /// <summary>The ports for workers beside a coordinator: a range is for all, a single port for the coordinator alone.</summary>
    public PortRange WorkerPorts => Ports.First == Ports.Last ? PortRange.Any : Ports;

    /// <summary>Reads flags.</summary>
    /// <param name="listen">ADDRESS:PORT or ADDRESS:FIRST-LAST; empty where it was not given.</param>
    /// <param name="networkInterface">A network interface whose address is taken; empty where none was given.</param>
    /// <param name="advertise">ADDRESS or ADDRESS:PORT; empty where it was not given.</param>
    /// <param name="insecure">Whether other machines may come.</param>
    /// <param name="fallback">What is listened on without the first two.</param>
    /// <exception cref="UsageException">One cannot be understood, or other machines could come without <c>--insecure</c>.</exception>
    public static NetworkPlace Parse(string listen, string networkInterface, string advertise, bool insecure, IPAddress? fallback)
    {
        var (address, ports) = (fallback, PortRange.Any);
        if (listen.Length > 0 && !PortRange.TryParseListen(listen, out address, out ports))
        {
            throw new UsageException(
                $"--listen must be an address with a port or a range of ports, 65535 at most, such as 127.0.0.1:5000 or 192.0.2.7:5000-5009, not '{listen}'.");
        }
        if (networkInterface.Length > 0)
        {
            var own = OfInterface(networkInterface);
            if (listen.Length > 0 && !own.Equals(address) && !new NetworkPlace(address, ports, null, insecure).IsEverywhere)
            {
                throw new UsageException(
                    $"--listen names the address {address}, and --interface {networkInterface} has {own}: give one of them; 0.0.0.0:PORT takes the interface's address and that port.");
            }
            address = own;
        }
        if (advertise.Length > 0 && !(Endpoints.TryParse(advertise, out var endpoint) && endpoint.Port > 0) && !IPAddress.TryParse(advertise, out _))
        {
            throw new UsageException($"--advertise must be an address with or without a port, such as 192.0.2.7 or 192.0.2.7:5000, not '{advertise}'.");
        }
        var place = new NetworkPlace(address, ports, advertise.Length > 0 ? advertise : null, insecure);
        return place is { IsOpen: true, Insecure: false }
            ? throw new UsageException(
                $"other machines could reach {address}, and links are not authenticated yet: use 127.0.0.1, or add --insecure on a network that you trust.")
            : place;
    }

    /// <summary>The address to paste on other machines for what listens here.</summary>
    public string Outside(IPEndPoint listening)
    {
        if (Advertise is { } advertise)
        {
            return Endpoints.TryParse(advertise, out var endpoint) && endpoint.Port > 0
                ? advertise
                : new IPEndPoint(IPAddress.Parse(advertise), listening.Port).ToString();
        }
        return IsEverywhere ? new IPEndPoint(LocalAddress.Outward(Address!.AddressFamily), listening.Port).ToString() : listening.ToString();
    }

    private static IPAddress OfInterface(string name)
    {
        try
        {
            return LocalAddress.Of(name);
        }
        catch (InputException exception)
        {
            throw new UsageException($"--interface: {exception.Message}.");
        }
    }
}
