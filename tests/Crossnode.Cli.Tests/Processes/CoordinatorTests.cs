using System.Net;
using System.Net.Sockets;
using Crossnode.Cli.Launching;
using Crossnode.Collectives.Sessions;
using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Store;
using Crossnode.Transport;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: crossnode coordinator, and what is told to call one, end with a sentence where they are of no use. Method: real
/// processes; their ends and lines say when.</summary>
[Trait("tier", "integration")]
public sealed class CoordinatorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-coordinator-").FullName;
    private readonly RunId _run = new(1, 2);

    private string Records => Path.Combine(_folder, "records");

    [Theory]
    [InlineData(true, "the run has finished: all its members left")]
    [InlineData(false, "the run is lost")]
    public void Run_that_is_over_is_not_coordinated_again(bool finished, string why)
    {
        using (var store = FileViewStore.Open(Records, _run))
        {
            store.Claim(new RunRecord { End = why, Finished = finished });
        }
        using var coordinator = CrossnodeProcess.Start("coordinator", "--run", $"{_run}", "--record", Records).WaitForExit();
        Assert.Equal([$"crossnode: run {_run} is over: {why}. Start another one."], coordinator.Errors);
        Assert.Empty(coordinator.Output);
        Assert.Equal(ExitCodes.Failure, coordinator.ExitCode);
    }

    [Fact]
    public void Coordinator_that_is_deposed_ends_though_nobody_calls_it()
    {
        using var first = CrossnodeProcess.Start("coordinator", "--record", Records);
        var run = first.WaitForLine("on the next machine:").Split("--run ")[1];
        using var refused = CrossnodeProcess.Start("coordinator", "--run", run, "--record", Records).WaitForExit();
        Assert.EndsWith("depose it with --take-over", Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failure, refused.ExitCode);

        using var second = CrossnodeProcess.Start("coordinator", "--run", run, "--record", Records, "--take-over");
        second.WaitForLine("members go on calling the HOST:PORT that they know");
        first.WaitForExit();
        Assert.Equal(
            [$"crossnode: this coordinator of run {run} is deposed: another coordinator has taken the run over with term 2; this one had term 1."],
            first.Errors);
        Assert.Equal(ExitCodes.Failure, first.ExitCode);
    }

    [Fact]
    public void Record_in_a_place_that_is_no_folder_is_wrong_usage()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        using var coordinator = CrossnodeProcess.Start("coordinator", "--record", file).WaitForExit();
        Assert.Equal(
            [$"crossnode: the folder {file} cannot hold the record of a run: a file has that name; name another folder with --record."],
            coordinator.Errors);
        Assert.Equal(ExitCodes.Usage, coordinator.ExitCode);
    }

    [Fact]
    public void Coordinator_whose_port_is_taken_leaves_no_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows deletes no file that is open");
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        using var coordinator = CrossnodeProcess.Start("coordinator", "--listen", $"{other.LocalEndpoint}", "--record", Records).WaitForExit();
        Assert.Contains($"{other.LocalEndpoint}", Assert.Single(coordinator.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Usage, coordinator.ExitCode);
        Assert.Empty(Directory.GetFiles(Records));
    }

    [Fact]
    public void Service_that_says_nothing_is_told_from_nobody()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        var text = Assert.Throws<DeadlineException>(() => RunStatus.Ask(
            $"{mute.LocalEndpoint}", _run, new TcpTransport(), TimeSpan.FromSeconds(2), cancellationToken: TestContext.Current.CancellationToken)).Message;
        Assert.StartsWith(
            $"something accepts connections at {mute.LocalEndpoint}, but has not answered as a coordinator within 2 s", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_of_ones_own_are_told_apart_from_those_that_never_join()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no program named true");
        using var coordinator = CrossnodeProcess.Start("coordinator", "--record", Records);
        var way = coordinator.WaitForLine("on the next machine:").Split("crossnode join ")[1].Split(' ');
        using var idle = CrossnodeProcess.Start(["run", "--coordinator", .. way, "--workers", "1", "--", "true"]).WaitForExit();
        Assert.StartsWith("crossnode: no worker joined the run", idle.Errors[^1], StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Success, idle.ExitCode);

        var end = Path.Combine(_folder, "end");
        using var run = CrossnodeProcess.Start(["run", "--coordinator", .. way, "--workers", "1", "--", CrossnodeProcess.WorkerProgram, end]);
        run.WaitForLine("members 1");
        using var join = CrossnodeProcess.Start(["join", .. way, "--wait-seconds", "1"]).WaitForExit();
        // None where the first answer took all of that second.
        Assert.All(join.Output, line => Assert.Contains("has members, but nobody has said what they train", line, StringComparison.Ordinal));
        Assert.Contains("is not one of crossnode train", Assert.Single(join.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failure, join.ExitCode);

        using var lost = CrossnodeProcess.Start("join", way[0], "--run", $"{_run}").WaitForExit();
        Assert.Equal(
            [$"crossnode: {way[0]} does not lead into the run: what listens there serves another run than {_run}; copy the address and the run id that the coordinator printed"],
            lost.Errors);

        File.WriteAllText(end, "");
        Assert.True(run.WaitForExit().ExitCode == ExitCodes.Success, run.All());
        Assert.DoesNotContain(run.Errors, line => line.Contains("no worker joined", StringComparison.Ordinal));
        Assert.Equal(["[0] members 1", "[0] done"], run.Output);
        Assert.True(coordinator.WaitForExit().ExitCode == ExitCodes.Success, coordinator.All());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
