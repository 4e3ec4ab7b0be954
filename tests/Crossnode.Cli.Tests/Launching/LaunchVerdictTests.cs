using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Launching;

[Trait("tier", "unit")]
public sealed class LaunchVerdictTests
{
    private const int Killed = 128 + Signals.Kill;
    private const int Aborted = 128 + Signals.Abort;

    [Theory]
    [InlineData(0, WorkerFate.Finished)]
    [InlineData(1, WorkerFate.Failed)]
    [InlineData(Killed, WorkerFate.Killed)]
    [InlineData(128 + Signals.Terminate, WorkerFate.Killed)]
    [InlineData(Aborted, WorkerFate.Failed)]
    [InlineData(255, WorkerFate.Failed)]
    public void Exit_code_tells_what_became_of_a_worker(int exitCode, object fate)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals");
        Assert.Equal((WorkerFate)fate, new WorkerExit(0, exitCode).Fate);
    }

    [Fact]
    public void Run_in_which_all_finish_succeeds() => Assert.Null(Verdict(started: true, 0, 0).FailureReason());

    [Fact]
    public void Program_that_never_joins_a_run_succeeds_by_its_exit_codes() =>
        Assert.Null(Verdict(started: false, 0, 0).FailureReason());

    [Fact]
    public void Killed_worker_is_forgiven_when_others_finish()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals");
        Assert.Null(Verdict(started: true, 0, Killed, 0).FailureReason());
    }

    [Fact]
    public void Killed_worker_is_not_forgiven_before_the_run_has_started()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals");
        var verdict = Verdict(started: false, Killed, 0);
        Assert.True(verdict.IsHopeless);
        Assert.Equal("worker 0 was killed by SIGKILL before the run had started", verdict.FailureReason());
    }

    [Fact]
    public void Workers_that_fail_by_themselves_make_the_run_fail() =>
        Assert.Equal(
            "workers 1, 2 ended with exit code 5; their own output above says why",
            Verdict(started: true, 0, 5, 5).FailureReason());

    [Fact]
    public void Run_without_a_survivor_fails()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals");
        Assert.Equal("no worker finished: workers 0, 1 were killed by SIGKILL", Verdict(started: true, Killed, Killed).FailureReason());
    }

    [Fact]
    public void Worker_that_was_evicted_long_before_it_ended_is_forgiven()
    {
        var verdict = new LaunchVerdict(2);
        verdict.ViewAnnounced([0, 1]);
        verdict.Evicted(1, TimeSpan.FromSeconds(10));
        verdict.Exited(new WorkerExit(0, 0), TimeSpan.FromSeconds(20));
        Assert.True(verdict.OnlyEvictedRun);
        verdict.Exited(new WorkerExit(1, Aborted), TimeSpan.FromSeconds(30));
        Assert.Null(verdict.FailureReason());
    }

    [Fact]
    public void Worker_that_lost_its_place_by_failing_is_not_forgiven()
    {
        var verdict = new LaunchVerdict(2);
        verdict.ViewAnnounced([0, 1]);
        verdict.Evicted(1, TimeSpan.FromSeconds(10));
        verdict.Exited(new WorkerExit(1, 5), TimeSpan.FromSeconds(10.2));
        verdict.Exited(new WorkerExit(0, 0), TimeSpan.FromSeconds(20));
        Assert.NotNull(verdict.FailureReason());
    }

    [Fact]
    public void Worker_that_came_back_is_evicted_no_more()
    {
        var verdict = new LaunchVerdict(2);
        verdict.ViewAnnounced([0, 1]);
        verdict.Evicted(1, TimeSpan.FromSeconds(10));
        verdict.Exited(new WorkerExit(0, 0), TimeSpan.FromSeconds(20));
        Assert.True(verdict.OnlyEvictedRun);
        verdict.ViewAnnounced([1]);
        Assert.False(verdict.OnlyEvictedRun);
    }

    [Fact]
    public void End_of_a_worker_that_was_started_anew_does_not_count()
    {
        var verdict = new LaunchVerdict(2);
        verdict.ViewAnnounced([0, 1]);
        verdict.Exited(new WorkerExit(1, 5), TimeSpan.FromSeconds(10));
        Assert.NotNull(verdict.FailureReason());
        verdict.Restarted(1);
        verdict.Exited(new WorkerExit(0, 0), TimeSpan.FromSeconds(20));
        verdict.Exited(new WorkerExit(1, 0), TimeSpan.FromSeconds(20));
        Assert.Null(verdict.FailureReason());
    }

    [Fact]
    public void Eviction_of_the_process_before_does_not_count_against_the_one_that_was_started_anew()
    {
        var verdict = new LaunchVerdict(1);
        verdict.ViewAnnounced([0]);
        verdict.Exited(new WorkerExit(0, 5), TimeSpan.FromSeconds(1));
        verdict.Restarted(0);
        verdict.Evicted(0, TimeSpan.FromSeconds(1.1));
        Assert.False(verdict.OnlyEvictedRun);
        verdict.ViewAnnounced([0]);
        verdict.Evicted(0, TimeSpan.FromSeconds(9));
        Assert.True(verdict.OnlyEvictedRun);
    }

    [Fact]
    public void Joiner_that_the_run_did_not_take_any_more_is_forgiven_when_another_finished()
    {
        var verdict = new LaunchVerdict(2, joins: true);
        verdict.Exited(new WorkerExit(1, ExitCodes.Evicted), TimeSpan.FromSeconds(1));
        Assert.NotNull(verdict.FailureReason());
        verdict.Exited(new WorkerExit(0, 0), TimeSpan.FromSeconds(2));
        Assert.Null(verdict.FailureReason());
        Assert.True(verdict.HasFinished);
    }

    [Fact]
    public void Lost_joiner_is_named_by_its_number_in_the_run_with_what_it_said()
    {
        var verdict = new LaunchVerdict(3, joins: true);
        for (var worker = 0; worker < 3; worker++)
        {
            verdict.Exited(
                new WorkerExit(worker, ExitCodes.Evicted) { ProcessId = 70 + worker, Sentence = worker < 2 ? "the run is over" : null },
                TimeSpan.FromSeconds(1));
        }
        int[] members = [3, 5, 4];
        Assert.Equal(
            "no worker finished: workers 3, 5, 4 ended with exit code 3, and said: the run is over",
            verdict.FailureReason(worker => members[worker]));
        Assert.Equal(
            "no worker finished: worker 3, process 71, process 72 ended with exit code 3, and said: the run is over",
            verdict.FailureReason(worker => worker == 0 ? 3 : -1));
    }

    private static LaunchVerdict Verdict(bool started, params int[] exitCodes)
    {
        var verdict = new LaunchVerdict(exitCodes.Length);
        if (started)
        {
            verdict.ViewAnnounced([0, 1]);
        }
        for (var worker = 0; worker < exitCodes.Length; worker++)
        {
            verdict.Exited(new WorkerExit(worker, exitCodes[worker]), TimeSpan.FromSeconds(1));
        }
        return verdict;
    }
}
