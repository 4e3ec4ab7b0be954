using System.Text.Json;

namespace Crossnode.Cli.Tests.Processes;

[Trait("tier", "integration")]
public sealed class SimTests
{
    [Fact]
    public void Simulation_ends_with_a_summary()
    {
        using var sim = CrossnodeProcess.Start("sim", "--seeds", "5", "--first-seed", "3", "--json").WaitForExit();
        Assert.True(sim.ExitCode == ExitCodes.Success, sim.All());
        Assert.Equal(["kind", "seeds", "violations", "simulatedSecondsPerCpuSecond"], Keys(sim.Output[^1]));
        Assert.StartsWith("""{"kind":"summary","seeds":5,"violations":0,""", sim.Output[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_promise_is_exit_code_1_and_says_how_to_see_it_again()
    {
        using var sim = CrossnodeProcess.Start("sim", "--seeds", "200", "--without", "R5", "--json").WaitForExit();
        Assert.Equal(ExitCodes.Failure, sim.ExitCode);
        Assert.NotEmpty(sim.Json("violation"));
        Assert.Contains(sim.Errors, line => line.Contains("crossnode sim --first-seed ", StringComparison.Ordinal) && line.EndsWith("--seeds 1 --without R5", StringComparison.Ordinal));
    }

    [Fact]
    public void Unknown_rule_is_a_sentence()
    {
        using var sim = CrossnodeProcess.Start("sim", "--without", "R12").WaitForExit();
        Assert.StartsWith("crossnode: --without knows no rule 'R12'", Assert.Single(sim.Errors), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Usage, sim.ExitCode);
    }

    private static List<string> Keys(string line) => [.. JsonDocument.Parse(line).RootElement.EnumerateObject().Select(p => p.Name)];
}
