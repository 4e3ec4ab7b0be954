using Crossnode.Protocol;

namespace Crossnode.Simulation.Tests;

[Trait("tier", "unit")]
public sealed class ReportTests
{
    [Fact]
    public void Violation_is_followed_by_the_line_that_shows_it_again()
    {
        var result = new SimulationResult(
            7971, [new Violation("same bits", "member 1 differs (at 0.5 s)")], 1, TimeSpan.FromSeconds(2), new Coverage());
        Assert.Equal(
            $"seed 7971: same bits: member 1 differs (at 0.5 s){Environment.NewLine}  again: crossnode sim --first-seed 7971 --seeds 1",
            SimulationReport.Describe(result, ProtocolRules.All));
    }

    [Fact]
    public void Rules_left_out_are_part_of_that_line() => Assert.Equal(
        "crossnode sim --first-seed 3 --seeds 1 --without R5 --without R18",
        SimulationReport.Repro(3, ProtocolRules.All & ~(ProtocolRules.R5 | ProtocolRules.R18)));

    [Fact]
    public void Summary_counts_seeds_violations_and_speed() => Assert.Equal(
        "20 seeds, 0 with violations; 50 s simulated in 2.0 s, 25 s per CPU second",
        SimulationReport.Summarize(new CampaignResult(
            20, [], new Coverage(), TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2))));

    [Theory]
    [InlineData(CoveragePoint.PrepareInRound0, "prepare in round0")]
    [InlineData(CoveragePoint.LinkUp, "link up")]
    public void States_are_named_in_words(CoveragePoint point, string words) =>
        Assert.Equal(words, SimulationReport.Words(point));

    [Fact]
    public void Campaign_stops_after_enough_failures()
    {
        var result = SimulationCampaign.Run(
            new CampaignOptions { Seeds = 1_000_000, Rules = ProtocolRules.All & ~ProtocolRules.R3, RunTwice = false, MaxFailures = 2 },
            TestContext.Current.CancellationToken);
        Assert.InRange(result.Failures.Count, 2, 2 + Environment.ProcessorCount);
        Assert.True(result.Seeds < 10_000);
    }

    [Fact]
    public void Log_tells_what_happened_in_a_seed_and_changes_nothing()
    {
        var lines = new List<string>();
        var logged = Simulator.Run(new SimulationOptions { Seed = 5, Log = lines.Add });
        Assert.Contains(lines, line => line.Contains("announces view 1", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("fault: ", StringComparison.Ordinal));
        Assert.Equal(Simulator.Run(new SimulationOptions { Seed = 5 }).TraceHash, logged.TraceHash);
    }
}
