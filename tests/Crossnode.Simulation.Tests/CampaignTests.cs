using Crossnode.Protocol;

namespace Crossnode.Simulation.Tests;

/// <summary>
/// Goal: under all rules no schedule breaks an invariant. Method: whole clusters in virtual time, each seed twice, so that
/// it must also leave the same trace.
/// </summary>
public sealed class CampaignTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("tier", "unit")]
    public void Some_hundred_seeds_break_no_invariant()
    {
        var result = Run(new CampaignOptions { FirstSeed = 1_000_000, Seeds = 600 });
        Assert.Equal(600, result.Seeds);
        Assert.Empty(Coverage.Points.Where(point => result.Coverage[point] < 5).Select(point => $"{point}: {result.Coverage[point]}"));
    }

    [Fact]
    [Trait("tier", "sim")]
    public void Twenty_thousand_seeds_break_no_invariant_and_meet_every_state()
    {
        var result = Run(new CampaignOptions { FirstSeed = 1, Seeds = 20_000 });
        Assert.Equal(20_000, result.Seeds);
        // Silence shows first to neighbours, by its links: that the coordinator notices it by itself is rarer.
        Assert.Empty(Coverage.Points
            .Where(point => result.Coverage[point] < (point == CoveragePoint.ChangeBySilence ? 300 : 1000))
            .Select(point => $"{point}: {result.Coverage[point]}"));
    }

    [Fact]
    [Trait("tier", "unit")]
    public void Different_seeds_leave_different_traces()
    {
        var first = Simulator.Run(new SimulationOptions { Seed = 1 });
        Assert.Equal(first.TraceHash, Simulator.Run(new SimulationOptions { Seed = 1 }).TraceHash);
        Assert.NotEqual(first.TraceHash, Simulator.Run(new SimulationOptions { Seed = 2 }).TraceHash);
    }

    private CampaignResult Run(CampaignOptions options)
    {
        var result = SimulationCampaign.Run(options, TestContext.Current.CancellationToken);
        output.WriteLine(SimulationReport.Summarize(result));
        output.WriteLine(SimulationReport.Table(result.Coverage));
        foreach (var failure in result.Failures)
        {
            output.WriteLine(SimulationReport.Describe(failure, ProtocolRules.All));
        }

        Assert.Empty(result.Failures.Select(failure => SimulationReport.Describe(failure, ProtocolRules.All)));
        return result;
    }
}
