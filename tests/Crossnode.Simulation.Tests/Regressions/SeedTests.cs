using Crossnode.Protocol;

namespace Crossnode.Simulation.Tests.Regressions;

/// <summary>Seeds whose schedules failed when a mistake of the past was made again; each was tried so.</summary>
/// <remarks>They were found before there were newcomers, and have some now. A change of what schedules are made of gives the numbers another meaning: then try again, and put others here.</remarks>
[Trait("tier", "unit")]
public sealed class SeedTests
{
    [Theory]
    // A barrier token did not say of which operation it is: members that disagreed committed.
    [InlineData(135), InlineData(1762)]
    // The total weight of a group with sums and averages was the number of members.
    [InlineData(2), InlineData(8)]
    // Early data was lost when its operation started while it was still coming.
    [InlineData(13), InlineData(22)]
    // A commit that a new view brought named the new view's members.
    [InlineData(1), InlineData(5)]
    // A link whose handshake ended after PREPARE was answered stayed open, and took data.
    [InlineData(219), InlineData(232)]
    // The coordinator held its own pause against members, when a message came before the first tick.
    [InlineData(245), InlineData(318)]
    // The same when the pause was longer than the grace, but shorter than a third of the eviction time.
    [InlineData(8030), InlineData(8424)]
    // A member that heard late of a view lost all its links, because it had not answered dials.
    [InlineData(1365)]
    // The same, with its control stream closed: it counted as dead.
    [InlineData(9990)]
    // Two members had to go on, both were there, and the link between them was never tried again.
    [InlineData(199), InlineData(609)]
    // The coordinator stood still, members dialled elsewhere meanwhile, and had only the grace to come back.
    [InlineData(313090), InlineData(314015), InlineData(323216)]
    // A worker that was put out before it had a view was expected to join a run that nobody else was in.
    [InlineData(314914)]
    // What a view aborted that died with its record and its members was held against who had not heard of it.
    [InlineData(332281)]
    // A stream that was lost twice in a row was opened again at the third attempt only, after pauses that doubled each time.
    [InlineData(365081), InlineData(385668), InlineData(414033)]
    // Members that installed a view late took links that had been given up for links that had broken.
    [InlineData(357503)]
    // A process came in the place of one that had been given a number and no view.
    [InlineData(380419)]
    public void Seed_breaks_no_invariant(long seed)
    {
        var result = Simulator.Run(new SimulationOptions { Seed = seed });
        Assert.True(result.Violations.Count == 0, SimulationReport.Describe(result, ProtocolRules.All));
    }
}
