using System.Diagnostics;
using Crossnode.Cli.Launching;
using Crossnode.Collectives.Launching;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: crossnode run keeps its word when workers, or it itself, are killed. Method: real processes; files and lines
/// of output say when, no test waits for a time to pass.</summary>
[Trait("tier", "integration")]
public sealed class RunTests : IDisposable
{
    private readonly string _stopFile = Path.Combine(Path.GetTempPath(), $"crossnode-stop-{Guid.NewGuid():N}");

    [Fact]
    public void Workers_get_their_environment_and_their_output_a_prefix()
    {
        SkipWithoutShell();
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "3", "--", "sh", "-c",
            "echo worker $CROSSNODE_WORKER of $CROSSNODE_WORKERS, $OMP_NUM_THREADS thread; echo problem >&2").WaitForExit();
        var threads = Environment.GetEnvironmentVariable("OMP_NUM_THREADS") ?? "1";
        Assert.Equal(
            Enumerable.Range(0, 3).Select(worker => $"[{worker}] worker {worker} of 3, {threads} thread"), run.Output.Order());
        Assert.Equal(["[0] problem", "[1] problem", "[2] problem"], run.Errors.Where(line => line[0] == '[').Order());
        Assert.Equal(ExitCodes.Success, run.ExitCode);
    }

    [Fact]
    public void Killed_worker_leaves_a_run_that_finishes()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        using var run = CrossnodeProcess.Start("run", "--workers", "3", "--", CrossnodeProcess.WorkerProgram, _stopFile).WaitForWorkers();
        run.WaitForLine("members 3", times: 3);
        Signals.Send(run.Workers[1], Signals.Kill);
        run.WaitForLine("members 2", times: 2);
        File.WriteAllText(_stopFile, "");
        run.WaitForExit();
        Assert.Contains("crossnode: worker 1 was killed by SIGKILL", run.Errors);
        Assert.Contains(run.Errors, line => line.StartsWith("crossnode: view 2: workers 0, 2 go on", StringComparison.Ordinal));
        Assert.Equal(["[0] done", "[2] done"], run.Output.Where(line => line.EndsWith("done", StringComparison.Ordinal)).Order());
        Assert.Equal(ExitCodes.Success, run.ExitCode);
    }

    [Fact]
    public void Workers_end_soon_after_their_launcher_was_killed()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        using var run = CrossnodeProcess.Start("run", "--workers", "2", "--", CrossnodeProcess.WorkerProgram, _stopFile).WaitForWorkers();
        run.WaitForLine("members 2", times: 2);
        var workers = run.Workers.Select(Process.GetProcessById).ToList();
        run.Signal(Signals.Kill);
        Assert.All(workers, worker => Assert.True(worker.WaitForExit(TimeSpan.FromSeconds(5)), $"worker {worker.Id} still runs"));
    }

    [Fact]
    public void Worker_that_fails_before_the_run_has_started_ends_all()
    {
        SkipWithoutShell();
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "2", "--", "sh", "-c", "[ $CROSSNODE_WORKER = 1 ] && exit 7; exec tail -f /dev/null").WaitForExit();
        Assert.Contains("crossnode: worker 1 ended with exit code 7 before the run had started.", run.Errors);
        Assert.Equal(ExitCodes.Failure, run.ExitCode);
    }

    [Fact]
    public void Start_that_takes_too_long_is_said_once()
    {
        SkipWithoutShell();
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "2", "--start-timeout-seconds", "1", "--", "sh", "-c", "exec tail -f /dev/null").WaitForExit();
        Assert.Single(run.Errors, line => line.Contains("the run did not start", StringComparison.Ordinal));
        Assert.Single(run.Errors, line => line.Contains("killing the workers", StringComparison.Ordinal));
        Assert.Equal(ExitCodes.Failure, run.ExitCode);
    }

    [Fact]
    public void Program_that_never_joins_is_told_so()
    {
        SkipWithoutShell();
        using var run = CrossnodeProcess.Start("run", "--", "true").WaitForExit();
        Assert.StartsWith("crossnode: no worker joined the run", run.Errors[^1], StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Success, run.ExitCode);
    }

    [Fact]
    public void Program_without_a_catch_ends_with_a_sentence_when_it_has_no_launcher()
    {
        using var worker = CrossnodeProcess.StartProgram(CrossnodeProcess.WorkerProgram).WaitForExit();
        Assert.StartsWith("crossnode: CROSSNODE_COORDINATOR is not set", Assert.Single(worker.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failure, worker.ExitCode);
    }

    [Fact]
    public void Program_without_a_catch_ends_with_a_sentence_when_it_was_evicted()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        const int Stop = 19, Continue = 18;
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "3", "--evict-after-seconds", "4", "--", CrossnodeProcess.WorkerProgram, _stopFile).WaitForWorkers();
        run.WaitForLine("members 3", times: 3);
        Signals.Send(run.Workers[1], Stop);
        run.WaitForLine("members 2", times: 2);
        Signals.Send(run.Workers[1], Continue);
        run.WaitForLine("worker 1 ended with exit code 3");
        File.WriteAllText(_stopFile, "");
        run.WaitForExit();
        var sentence = Assert.Single(run.Errors, line => line.StartsWith("[1] ", StringComparison.Ordinal));
        Assert.Contains("evicted from the run", sentence, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Success, run.ExitCode);
    }

    [Fact]
    public void Polite_signal_reaches_the_workers()
    {
        SkipWithoutShell();
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "2", "--", "sh", "-c",
            "trap 'echo got TERM; exit 0' TERM; echo ready; while :; do read line; done 2>/dev/null").WaitForWorkers();
        run.WaitForLine("ready", times: 2);
        run.Signal(Signals.Terminate);
        run.WaitForExit();
        Assert.Equal(["[0] got TERM", "[1] got TERM"], run.Output.Where(line => line.Contains("got", StringComparison.Ordinal)).Order());
        Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
    }

    [Fact]
    public void Second_signal_kills_workers_that_did_not_listen()
    {
        SkipWithoutShell();
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "1", "--", "sh", "-c", "trap '' TERM; echo ready; exec tail -f /dev/null").WaitForWorkers();
        run.WaitForLine("ready");
        run.Signal(Signals.Terminate);
        run.WaitForLine("asked to stop: SIGTERM went to the workers, and ends those whose program does not handle it");
        // Within a second of the first it is none.
        run.SignalUntilLine(Signals.Terminate, "killing the workers: asked to stop again");
        run.WaitForExit();
        Assert.Contains("crossnode: worker 0 was killed by SIGKILL", run.Errors);
        Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
    }

    [Fact]
    public void Program_that_does_not_exist_is_a_sentence()
    {
        using var run = CrossnodeProcess.Start("run", "--", "no-such-program").WaitForExit();
        Assert.Equal(
            ["crossnode: There is no program 'no-such-program', neither as a path nor in the PATH: check how it is spelt."], run.Errors);
        Assert.Equal(ExitCodes.Usage, run.ExitCode);
    }

    [Fact]
    public void Port_in_use_is_a_sentence()
    {
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        using var run = CrossnodeProcess.Start("run", "--listen", other.LocalEndpoint.ToString()!, "--", "no-such-program").WaitForExit();
        Assert.Contains(other.LocalEndpoint.ToString()!, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Usage, run.ExitCode);
    }

    [Fact]
    public void Address_that_others_reach_needs_a_flag()
    {
        using var run = CrossnodeProcess.Start("run", "--listen", "0.0.0.0:0", "--", "no-such-program").WaitForExit();
        Assert.Contains("--insecure", Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Usage, run.ExitCode);
    }

    public void Dispose() => File.Delete(_stopFile);

    private static void SkipWithoutShell() => Assert.SkipUnless(Signals.AreSupported, "this system has no sh");
}
