using Crossnode.Protocol;

namespace Crossnode.Simulation.Tests;

/// <summary>
/// Goal: the checks can see what each rule is for. Method: leave it out; within 20,000 seeds, mostly within a hundred, some
/// invariant breaks.
/// </summary>
public sealed class RuleTests(ITestOutputHelper output)
{
    public static TheoryData<ProtocolRules> Rules { get; } =
    [
        ProtocolRules.R1, ProtocolRules.R2, ProtocolRules.R3, ProtocolRules.R4, ProtocolRules.R5, ProtocolRules.R6,
        ProtocolRules.R7, ProtocolRules.R8, ProtocolRules.R9, ProtocolRules.R10, ProtocolRules.R11, ProtocolRules.R13, ProtocolRules.R14,
        ProtocolRules.R15, ProtocolRules.R16, ProtocolRules.R17, ProtocolRules.R18, ProtocolRules.R19, ProtocolRules.R20, ProtocolRules.R21,
    ];

    [Theory]
    [MemberData(nameof(Rules))]
    [Trait("tier", "sim")]
    public void Without_a_rule_some_seed_breaks_an_invariant(ProtocolRules rule)
    {
        var options = new CampaignOptions
        {
            FirstSeed = 1,
            Seeds = 20_000,
            Rules = ProtocolRules.All & ~rule,
            RunTwice = false,
            MaxFailures = 1,
        };
        var result = SimulationCampaign.Run(options, TestContext.Current.CancellationToken);
        Assert.NotEmpty(result.Failures);
        output.WriteLine(SimulationReport.Describe(result.Failures[0], options.Rules));
        Assert.EndsWith($" --without {rule}", SimulationReport.Repro(1, options.Rules), StringComparison.Ordinal);
    }
}
