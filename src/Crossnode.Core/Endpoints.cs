using System.Globalization;
using System.Net;

namespace Crossnode.Core;

/// <summary>Text forms of addresses: HOST:PORT, with brackets around IPv6.</summary>
public static class Endpoints
{
    /// <summary>Parses 127.0.0.1:5000 or [::1]:5000; names are not looked up here.</summary>
    public static bool TryParse(string? text, out IPEndPoint endpoint)
    {
        endpoint = new IPEndPoint(IPAddress.None, 0);
        if (text is null || !IPEndPoint.TryParse(text, out var parsed) || !text.Contains(':', StringComparison.Ordinal))
        {
            return false;
        }

        var colon = text.LastIndexOf(':');
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port != parsed.Port)
        {
            return false;
        }

        endpoint = parsed;
        return true;
    }

    /// <summary>Whether only processes of this machine can reach the address.</summary>
    public static bool IsLoopback(IPEndPoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return IPAddress.IsLoopback(endpoint.Address);
    }
}
