using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Crossnode.Coordinator;
using Crossnode.Core;
using Crossnode.Transport;

namespace Crossnode.Bench;

/// <summary>A set of processes that run one round of all-reduces when told.</summary>
internal sealed class Peers : IDisposable
{
    private readonly List<Process> _processes = [];
    private readonly EmbeddedCoordinator? _coordinator;

    private Peers(EmbeddedCoordinator? coordinator) => _coordinator = coordinator;

    /// <summary>Bytes that the calling thread of member 0 allocated in its last operation; -1 for other programs.</summary>
    public long Allocated { get; private set; } = -1;

    public static Peers Crossnode(int world, long count, int iterations, bool inPlace)
    {
        var coordinator = EmbeddedCoordinator.Start(
            new CoordinatorOptions { ExpectedMembers = world, Run = RunId.Create(new SystemRandomSource()) }, new TcpTransport());
        var peers = new Peers(coordinator);
        for (var rank = 0; rank < world; rank++)
        {
            peers.Start(Environment.ProcessPath!, [
                .. Self(), "worker", coordinator.Address, coordinator.Run.ToString(), Text(rank), Text(count), Text(iterations),
                inPlace ? "in" : "out"]);
        }

        peers.AwaitReady();
        return peers;
    }

    public static Peers Gloo(int world, long count, int iterations)
    {
        var peers = new Peers(null);
        var script = Path.Combine(AppContext.BaseDirectory, "gloo_allreduce.py");
        var port = FreePort();
        for (var rank = 0; rank < world; rank++)
        {
            peers.Start("/usr/bin/python3", [script, Text(rank), Text(world), Text(port), Text(count), Text(iterations)]);
        }

        peers.AwaitReady();
        return peers;
    }

    /// <summary>Runs one round; gives the median seconds of an operation at member 0.</summary>
    public double Round()
    {
        foreach (var process in _processes)
        {
            process.StandardInput.WriteLine("go");
            process.StandardInput.Flush();
        }

        var lines = _processes.ConvertAll(Line);
        var fields = lines[0].Split(' ');
        Allocated = fields.Length > 1 ? long.Parse(fields[1], CultureInfo.InvariantCulture) : -1;
        return double.Parse(fields[0], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.StandardInput.Close();
        }

        foreach (var process in _processes)
        {
            if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
            {
                process.Kill();
            }

            process.Dispose();
        }

        _coordinator?.Dispose();
    }

    private static string Line(Process process) => process.StandardOutput.ReadLine()
        ?? throw new InvalidOperationException($"{process.StartInfo.FileName} ended: {process.StandardError.ReadToEnd()}");

    private static IEnumerable<string> Self() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Peers).Assembly.Location] : [];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private void Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _processes.Add(Process.Start(start)!);
    }

    private void AwaitReady()
    {
        foreach (var process in _processes)
        {
            if (Line(process) != "ready")
            {
                throw new InvalidOperationException($"{process.StartInfo.FileName} did not start");
            }
        }
    }
}
