using System.Net;

namespace Crossnode.Cli.Launching;

/// <summary>The flags by which a command finds its run and its place in the network.</summary>
internal static class NetworkFlags
{
    /// <summary>Reads them; empty texts are flags that were not given.</summary>
    /// <returns>Where to listen, and the run to take part in: null for one with a coordinator of its own.</returns>
    /// <exception cref="UsageException">One cannot be understood, or two contradict one another.</exception>
    public static (NetworkPlace Network, RemoteRun? Remote) Read(
        string coordinator, string run, string listen, string networkInterface, string advertise, bool insecure)
    {
        if (coordinator.Length == 0)
        {
            return run.Length == 0
                ? (NetworkPlace.Parse(listen, networkInterface, advertise, insecure, IPAddress.Loopback), null)
                : throw new UsageException("--run names a run, but not where its coordinator is: add --coordinator HOST:PORT.");
        }
        var remote = RemoteRun.Parse(coordinator, run, insecure);
        return (NetworkPlace.Parse(listen, networkInterface, advertise, insecure, fallback: null), remote);
    }
}

/// <summary>What these flags mean, for the help.</summary>
internal static class NetworkTexts
{
    public const string Coordinator = "coordinator of the run, as crossnode coordinator printed it; without, this process has one of its own";
    public const string Run = "the run's id, 32 hexadecimal digits, as its coordinator printed it";
    public const string Listen = "where this machine listens: an address of its own and a port, or a range for the workers as well; 127.0.0.1:0 by default, with --coordinator the address that leads there";
    public const string ListenOfJoiner = "where this machine listens: an address of its own and a port, or a range of which each worker takes one; by default the address that leads to the coordinator";
    public const string Advertise = "address, with or without a port, that other machines are told instead";
    public const string Interface = "network interface whose address is listened on";
    public const string Insecure = "allow addresses that other machines reach, though nothing checks who comes";
}
