using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Launching;

[Trait("tier", "integration")]
public sealed class WorkerProcessTests
{
    [Fact]
    public async Task Last_error_that_a_worker_prints_as_Crossnode_does_goes_with_its_end()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no sh");
        const string program = "echo 'crossnode: it began.' >&2; echo 'crossnode: it broke.' >&2; echo more >&2; echo 'crossnode: no error'; exit 3";
        using var worker = WorkerProcess.Start(
            2, new WorkerCommand("sh", ["-c", program]), new Dictionary<string, string>(), (_, _, _) => { }, TimeProvider.System);
        var exit = await worker.Exit;
        Assert.Equal((2, 3, "it broke"), (exit.Worker, exit.ExitCode, exit.Sentence));
    }
}
