using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Crossnode.Core;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: a killed coordinator costs nothing while nobody needs it, and what it had decided outlives it. Method: it and the
/// workers are processes of their own; SIGKILL; the workers check every result.</summary>
[Trait("tier", "integration")]
public sealed class CoordinatorKillTests : IDisposable
{
    private const double EvictAfter = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"crossnode-records-{Guid.NewGuid():N}");
    private readonly RunId _run = RunId.Create(new SystemRandomSource());
    private readonly List<WorkerProcess> _processes = [];
    private string _address = "";
    private int _port;

    // CROSSNODE_COORDINATOR_KILLS=50 runs the long form.
    private static int Rounds =>
        int.TryParse(Environment.GetEnvironmentVariable("CROSSNODE_COORDINATOR_KILLS"), out var rounds) ? rounds : 3;

    [Fact]
    public void Workers_go_on_without_their_coordinator_and_it_handles_deaths_when_it_is_back()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            KillAndStartAgain(random, $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Worker_killed_while_the_coordinator_is_away_stops_the_others_until_it_is_back()
    {
        var coordinator = StartCoordinator(3);
        var workers = StartWorkers(3);
        WaitForOperations(workers[0], 10);
        coordinator.Kill();
        coordinator.WaitForExit(Patience);
        workers[2].Kill();
        Assert.True(workers[0].WaitForLine(IsNotice, Patience), Report());
        var notice = workers[0].Lines.First(IsNotice);
        Assert.Contains(_address, notice, StringComparison.Ordinal);
        Assert.Contains("away for", notice, StringComparison.Ordinal);
        Assert.Contains("member 2 is suspected", notice, StringComparison.Ordinal);
        StartCoordinator(0);
        foreach (var worker in workers[..2])
        {
            Assert.True(worker.WaitForLine(line => line == "view 2 0,1", Patience), Report());
            WaitForOperations(worker, 10);
        }

        Assert.Contains(workers[0].Lines, line => line.EndsWith("is back", StringComparison.Ordinal));
        CheckNumbers("");
    }

    public void Dispose()
    {
        _processes.ForEach(process => process.Dispose());
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static bool IsNotice(string line) => line.StartsWith("notice waiting for the coordinator", StringComparison.Ordinal);

    private void KillAndStartAgain(Random random, string hint)
    {
        var folder = _folder;
        Dispose();
        Assert.False(Directory.Exists(folder), hint);
        _processes.Clear();
        _port = 0;
        var coordinator = StartCoordinator(4);
        var workers = StartWorkers(4);
        WaitForOperations(workers[0], random.Next(1, 40));
        Thread.SpinWait(random.Next(200_000));
        coordinator.Kill();
        coordinator.WaitForExit(Patience);

        // Nobody needs it: no view changes, no operation waits.
        foreach (var worker in workers)
        {
            WaitForOperations(worker, 50);
        }

        coordinator = StartCoordinator(0);
        Assert.True(coordinator.WaitForLine(line => line.StartsWith("TakenUp", StringComparison.Ordinal), Patience), Report());
        if (random.Next(2) == 0)
        {
            // Else the worker dies while members are still coming back.
            WaitForOperations(workers[0], 200);
        }

        workers[3].Kill();
        foreach (var worker in workers[..3])
        {
            Assert.True(worker.WaitForLine(line => line == "view 2 0,1,2", Patience), $"{hint}{Environment.NewLine}{Report()}");
            WaitForOperations(worker, 20);
            Assert.Equal(2, worker.Lines.Count(line => line.StartsWith("view ", StringComparison.Ordinal)));
        }

        CheckNumbers(hint);
    }

    private void CheckNumbers(string hint) => Assert.True(
        _processes.TrueForAll(process => !process.Lines.Any(line => line.StartsWith("WRONG", StringComparison.Ordinal))),
        $"{hint}{Environment.NewLine}{Report()}");

    private WorkerProcess StartCoordinator(int members)
    {
        _port = _port == 0 ? FreePort() : _port;
        var coordinator = new WorkerProcess(
            -1, ["coordinator", _run.ToString(), Text(members), Text(EvictAfter), Text(_port), _folder]);
        _processes.Add(coordinator);
        Assert.True(coordinator.WaitForLine(line => line.StartsWith("serves ", StringComparison.Ordinal), Patience), Report());
        _address = coordinator.Lines.First(line => line.StartsWith("serves ", StringComparison.Ordinal)).Split(' ')[1];
        return coordinator;
    }

    private WorkerProcess[] StartWorkers(int count)
    {
        var workers = Enumerable.Range(0, count)
            .Select(worker => new WorkerProcess(
                worker, [_address, _run.ToString(), Text(worker), "1000000", "10000", "out", Text(EvictAfter)]))
            .ToArray();
        _processes.AddRange(workers);
        return workers;
    }

    // That many more than it has done by now.
    private void WaitForOperations(WorkerProcess worker, int more)
    {
        var target = Count(worker) + more;
        Assert.True(worker.WaitForLine(_ => Count(worker) >= target, Patience), Report());
    }

    private static int Count(WorkerProcess worker) => worker.Lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal));

    // A coordinator that is started again has to come at the same address.
    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private string Report() => string.Join(
        Environment.NewLine,
        _processes.SelectMany(process => process.Lines.TakeLast(30).Select(line => $"[{process.Number}] {line}")));
}
