using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Transport;

/// <summary>Listening on one of several ports.</summary>
public static class PortSearch
{
    /// <summary>Listens on the first port of a range that can be had.</summary>
    /// <exception cref="InputException">None can; the text says why the last one could not.</exception>
    public static Listener Listen(this ITransport transport, string host, PortRange ports)
    {
        ArgumentNullException.ThrowIfNull(transport);
        for (var port = ports.First; port < ports.Last; port++)
        {
            try
            {
                return transport.Listen(host, port);
            }
            catch (InputException)
            {
                // The last one says why, if it comes to that.
            }
        }

        try
        {
            return transport.Listen(host, ports.Last);
        }
        catch (InputException last) when (ports.First != ports.Last)
        {
            throw new InputException($"none of the ports {ports} can be listened on; of the last: {last.Message}", last);
        }
    }
}
