using System.Net;
using System.Net.Sockets;
using Crossnode.Core;

namespace Crossnode.Cli.Launching;

/// <summary>A run whose coordinator is another process, here or elsewhere.</summary>
/// <param name="Coordinator">Where it listens.</param>
/// <param name="Run">The run's id.</param>
internal sealed record RemoteRun(IPEndPoint Coordinator, RunId Run)
{
    /// <summary>Reads HOST:PORT, with a name or an address, and the run's id.</summary>
    /// <exception cref="UsageException">One cannot be understood, or the host is on another machine and <c>--insecure</c> is missing.</exception>
    public static RemoteRun Parse(string coordinator, string run, bool insecure)
    {
        if (!RunId.TryParse(run, out var id))
        {
            throw new UsageException(run.Length == 0
                ? $"a run at {coordinator} needs its id: --run with the 32 hexadecimal digits that the coordinator printed."
                : $"--run must be the 32 hexadecimal digits that the coordinator printed, not '{run}'.");
        }
        var endpoint = Endpoints.TryParse(coordinator, out var parsed) && parsed.Port > 0 ? parsed : Resolve(coordinator);
        return insecure || Endpoints.IsLoopback(endpoint)
            ? new RemoteRun(endpoint, id)
            : throw new UsageException(
                $"the coordinator at {endpoint} is on another machine, and links are not authenticated yet: add --insecure on a network that you trust.");
    }

    private static IPEndPoint Resolve(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon > 0 && PortRange.TryParse(text[(colon + 1)..], out var port) && port.First == port.Last && port.First > 0)
        {
            try
            {
                var addresses = Dns.GetHostAddresses(text[..colon]);
                var best = addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses.FirstOrDefault();
                if (best is not null)
                {
                    return new IPEndPoint(best, port.First);
                }
            }
            catch (Exception exception) when (exception is SocketException or ArgumentException)
            {
                throw new UsageException($"no machine is known by the name '{text[..colon]}' in {text}: check how it is spelt, or give its address.");
            }
        }
        throw new UsageException($"the coordinator must be HOST:PORT with a port from 1 to 65535, such as 192.0.2.7:5000, not '{text}'.");
    }
}
