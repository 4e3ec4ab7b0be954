using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Crossnode.Cli.Launching;
using Crossnode.Cli.Training;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: the README's loop of one's own keeps tensors, threads and numbers in order, also when a worker dies.
/// Method: samples/OwnLoop under crossnode run, as its documentation starts it.</summary>
[Trait("tier", "integration")]
public sealed partial class OwnLoopTests
{
    private const int Steps = 2000;

    [Fact]
    public void Loop_of_ones_own_goes_on_without_a_killed_worker_and_leaves_no_tensor_behind()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        Assert.SkipUnless(HasLibtorch, $"there is no native libtorch for {TorchLibrary.PortableIdentifier()}");
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "4", "--", CrossnodeProcess.Executable("OwnLoop", "OwnLoop"), $"{Steps}").WaitForWorkers();
        run.WaitForLine("members 4", times: 4);
        Signals.Send(run.Workers[2], Signals.Kill);
        run.WaitForExit();

        Assert.True(run.ExitCode == ExitCodes.Success, run.All());
        var prints = run.Output.Select(line => Print().Match(line)).Where(match => match.Success).ToList();
        foreach (var worker in prints.Where(print => print.Groups["worker"].Value != "2").GroupBy(print => print.Groups["worker"].Value))
        {
            Assert.Equal(10, worker.Count());
            Assert.Equal($"{Steps}", worker.Last().Groups["step"].Value);
            Assert.Equal("3", worker.Last().Groups["members"].Value);
            Assert.Single(worker.Select(print => print.Groups["tensors"].Value).Distinct());
            Assert.Single(worker.Select(print => print.Groups["thread"].Value).Distinct());
        }

        var ends = run.Output.Where(line => line.Contains("done, parameters", StringComparison.Ordinal)).Order().ToList();
        Assert.Equal(["[0]", "[1]", "[3]"], ends.Select(line => line[..3]));
        Assert.Single(ends.Select(line => line[4..]).Distinct());
    }

    [Fact]
    public void Worker_of_a_loop_of_ones_own_that_was_started_again_enters_where_the_others_are()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        Assert.SkipUnless(HasLibtorch, $"there is no native libtorch for {TorchLibrary.PortableIdentifier()}");
        using var run = CrossnodeProcess.Start(
            "run", "--workers", "3", "--restarts", "1", "--", CrossnodeProcess.Executable("OwnLoop", "OwnLoop"), "10000").WaitForWorkers();
        run.WaitForLine("members 3", times: 3);
        Signals.Send(run.Workers[1], Signals.Kill);
        run.WaitForLine("was started anew");

        // It prints once it is level.
        run.WaitForLine("[1] step", times: run.Output.Count(line => line.StartsWith("[1] step", StringComparison.Ordinal)) + 1);
        run.Signal(Signals.Terminate);
        run.WaitForExit();
        Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
        var ends = run.Output.Where(line => line.Contains("done, parameters", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, ends.Count);
        Assert.Single(ends.Select(line => line[4..]).Distinct());
    }

    [Fact]
    public void Loop_of_ones_own_without_a_launcher_says_how_to_start_it()
    {
        Assert.SkipUnless(HasLibtorch, $"there is no native libtorch for {TorchLibrary.PortableIdentifier()}");
        using var run = CrossnodeProcess.StartProgram(CrossnodeProcess.Executable("OwnLoop", "OwnLoop")).WaitForExit();
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("crossnode run --workers N", Assert.Single(run.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Loop_of_ones_own_that_is_asked_to_stop_ends_everywhere_at_one_step_and_saves()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        Assert.SkipUnless(HasLibtorch, $"there is no native libtorch for {TorchLibrary.PortableIdentifier()}");
        var file = Path.Combine(Path.GetTempPath(), $"crossnode-own-loop-{Guid.NewGuid():N}");
        try
        {
            using var run = CrossnodeProcess.Start(
                "run", "--workers", "3", "--", CrossnodeProcess.Executable("OwnLoop", "OwnLoop"), "10000", file).WaitForWorkers();
            run.WaitForLine("members 3", times: 3);
            run.Signal(Signals.Terminate);
            run.WaitForExit();
            Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
            Assert.DoesNotContain(run.Errors, line => line.Contains("was killed", StringComparison.Ordinal));
            var ends = run.Output.Where(line => line.Contains("done, parameters", StringComparison.Ordinal)).ToList();
            Assert.Equal(3, ends.Count);
            Assert.Single(ends.Select(line => line[4..]).Distinct());
            Assert.True(File.Exists(file), run.All());
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static bool HasLibtorch => TorchLibrary.PortableIdentifier() is "linux-x64" or "win-x64" or "osx-arm64";

    [GeneratedRegex(@"^\[(?<worker>\d)\] step (?<step>\d+) .* members (?<members>\d+)  live tensors (?<tensors>\d+)  thread (?<thread>\d+)$")]
    private static partial Regex Print();
}
