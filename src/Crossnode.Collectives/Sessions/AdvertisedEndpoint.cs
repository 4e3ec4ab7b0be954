using System.Net;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Sessions;

/// <summary>The address that others are told, where a NAT or a port mapping makes it another one than is listened on.</summary>
internal static class AdvertisedEndpoint
{
    /// <summary>Completes an advertised ADDRESS or ADDRESS:PORT from the address listened on.</summary>
    /// <exception cref="InputException">It is neither.</exception>
    public static string Of(string? advertised, string listening)
    {
        if (advertised is null)
        {
            return listening;
        }

        if (Endpoints.TryParse(advertised, out var endpoint) && endpoint.Port > 0)
        {
            return endpoint.ToString();
        }

        return IPAddress.TryParse(advertised, out var address) && Endpoints.TryParse(listening, out var own)
            ? new IPEndPoint(address, own.Port).ToString()
            : throw new InputException($"'{advertised}' is no address to advertise: write 192.0.2.7 or 192.0.2.7:5000");
    }
}
