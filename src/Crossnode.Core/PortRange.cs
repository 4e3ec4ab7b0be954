using System.Globalization;
using System.Net;

namespace Crossnode.Core;

/// <summary>Ports of which one is to be listened on: 5000, or 5000-5009 with both ends.</summary>
/// <param name="First">The first port to try; 0 has a free one picked.</param>
/// <param name="Last">The last port to try.</param>
public readonly record struct PortRange(int First, int Last)
{
    /// <summary>Whichever is free.</summary>
    public static PortRange Any => default;

    /// <summary>Parses 0, 5000 or 5000-5009.</summary>
    public static bool TryParse(string? text, out PortRange range)
    {
        range = default;
        var ends = text?.Split('-') ?? [];
        if (ends.Length is 0 or > 2 || !TryPort(ends[0], out var first) || !TryPort(ends[^1], out var last)
            || last < first || (ends.Length == 2 && first == 0))
        {
            return false;
        }

        range = new PortRange(first, last);
        return true;
    }

    /// <summary>Parses ADDRESS:PORT or ADDRESS:FIRST-LAST, with brackets around an IPv6 address.</summary>
    public static bool TryParseListen(string? text, out IPAddress address, out PortRange ports)
    {
        (address, ports) = (IPAddress.None, default);
        var colon = text?.LastIndexOf(':') ?? -1;
        if (colon < 0 || !TryParse(text![(colon + 1)..], out ports)
            || !Endpoints.TryParse(string.Create(CultureInfo.InvariantCulture, $"{text[..colon]}:{ports.First}"), out var endpoint))
        {
            return false;
        }

        address = endpoint.Address;
        return true;
    }

    /// <inheritdoc />
    public override string ToString() =>
        First == Last ? First.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= ushort.MaxValue;
}
