using Crossnode.Collectives.State;

namespace Crossnode.Collectives.Tests.State;

[Trait("tier", "unit")]
public sealed class FetchPlanTests
{
    private static readonly UInt128 Run = 100;
    private static readonly UInt128 Other = 200;

    private TimeSpan _now = TimeSpan.FromSeconds(1);

    [Fact]
    public void All_holders_are_dialled_at_once_and_asked_for_manifests()
    {
        var plan = Plan(2);
        Assert.Equal([new FetchAction.Connect(0), new FetchAction.Connect(1)], Step(plan, new FetchEvent.Tick()));
        Assert.Equal([new FetchAction.AskManifest(1)], Step(plan, new FetchEvent.Opened(1)));
        Assert.Empty(Step(plan, new FetchEvent.Tick()));
    }

    [Fact]
    public void Majority_decides_at_once_and_others_are_left_alone()
    {
        var plan = Opened(3);
        Assert.Empty(Step(plan, new FetchEvent.ManifestCame(0, Other)));
        Assert.Empty(Step(plan, new FetchEvent.ManifestCame(1, Run)));
        var actions = Step(plan, new FetchEvent.ManifestCame(2, Run));
        Assert.Equal(new FetchAction.Choose(Run), actions[0]);
        Assert.Equal(0, Assert.IsType<FetchAction.Close>(Assert.Single(actions.Skip(1))).Holder);
    }

    [Fact]
    public void Of_equally_popular_manifests_that_of_the_lowest_member_wins()
    {
        var plan = Opened(2);
        Step(plan, new FetchEvent.ManifestCame(1, Other));
        Assert.Equal(new FetchAction.Choose(Run), Step(plan, new FetchEvent.ManifestCame(0, Run))[0]);
    }

    [Fact]
    public void Holders_that_say_nothing_are_waited_for_a_moment_only()
    {
        var plan = Opened(3);
        Assert.Empty(Step(plan, new FetchEvent.ManifestCame(2, Run)));
        Advance(1.9);
        Assert.Empty(Step(plan, new FetchEvent.Tick()));
        Advance(0.2);
        Assert.Equal([new FetchAction.Choose(Run)], Step(plan, new FetchEvent.Tick()));

        // Who comes later joins in when it has the same, and not otherwise.
        Step(plan, new FetchEvent.Compared([true]));
        Assert.Empty(Step(plan, new FetchEvent.ManifestCame(0, Run)));
        Assert.IsType<FetchAction.Close>(Assert.Single(Step(plan, new FetchEvent.ManifestCame(1, Other))));
    }

    [Fact]
    public void Holder_that_keeps_back_a_manifest_that_others_gave_is_not_waited_for_for_ever()
    {
        var plan = Opened(2);
        Step(plan, new FetchEvent.ManifestCame(0, Run));
        Advance(2.1);
        Step(plan, new FetchEvent.Tick());
        Step(plan, new FetchEvent.Compared([true]));
        Step(plan, new FetchEvent.Refused(0, "left"));
        Advance(10.1);
        Assert.Contains(new FetchAction.Close(1, "silent for 10 s"), Step(plan, new FetchEvent.Tick()));
    }

    [Fact]
    public void Chunks_are_spread_over_holders_and_no_holder_has_more_than_its_depth()
    {
        var plan = Serving(2, chunks: 20, out var actions);
        var asked = actions.OfType<FetchAction.AskChunk>().ToList();
        Assert.Equal([0, 1, 0, 1, 0, 1, 0, 1], asked.Select(ask => ask.Holder));
        Assert.Equal(Enumerable.Range(0, 8), asked.Select(ask => ask.Chunk));
        Assert.Equal([new FetchAction.AskChunk(1, 8)], Step(plan, new FetchEvent.ChunkCame(1, 1, true)));
        Assert.Equal(19, plan.ChunksLeft);
    }

    [Fact]
    public void Nothing_needed_is_done_at_once()
    {
        var plan = Opened(1);
        Step(plan, new FetchEvent.ManifestCame(0, Run));
        Assert.Equal([new FetchAction.Finish()], Step(plan, new FetchEvent.Compared([false, false])));
        Assert.Empty(Step(plan, new FetchEvent.Tick()));
    }

    [Fact]
    public void Wrong_chunk_is_asked_of_another_and_a_second_ends_the_trust()
    {
        var plan = Serving(2, chunks: 8, out _);
        Assert.Empty(Step(plan, new FetchEvent.ChunkCame(0, 0, false)));
        Assert.Equal([new FetchAction.AskChunk(1, 0)], Step(plan, new FetchEvent.ChunkCame(1, 1, true)));
        var actions = Step(plan, new FetchEvent.ChunkCame(0, 2, false));
        Assert.Equal(0, Assert.IsType<FetchAction.Close>(Assert.Single(actions)).Holder);

        // Its other chunks go to the one that is left.
        Assert.Equal([new FetchAction.AskChunk(1, 2)], Step(plan, new FetchEvent.ChunkCame(1, 3, true)));
        Assert.Equal([new FetchAction.AskChunk(1, 4)], Step(plan, new FetchEvent.ChunkCame(1, 5, true)));
    }

    [Fact]
    public void Only_holder_is_asked_again_for_its_wrong_chunk()
    {
        var plan = Serving(1, chunks: 1, out _);
        Assert.Equal([new FetchAction.AskChunk(0, 0)], Step(plan, new FetchEvent.ChunkCame(0, 0, false)));
        Assert.Equal([new FetchAction.Finish()], Step(plan, new FetchEvent.ChunkCame(0, 0, true)));
    }

    [Fact]
    public void Chunks_of_a_lost_holder_go_to_others_and_it_is_tried_again()
    {
        var plan = Serving(2, chunks: 2, out _);
        Assert.Equal([new FetchAction.AskChunk(1, 0)], Step(plan, new FetchEvent.Lost(0, "reset")));
        Advance(0.11);
        Assert.Equal([new FetchAction.Connect(0)], Step(plan, new FetchEvent.Tick()));
        Assert.Equal([new FetchAction.AskManifest(0)], Step(plan, new FetchEvent.Opened(0)));
        Step(plan, new FetchEvent.ChunkCame(1, 0, true));
        Assert.Equal([new FetchAction.Finish()], Step(plan, new FetchEvent.ChunkCame(1, 1, true)));
    }

    [Fact]
    public void Silent_holder_is_closed_and_its_chunks_go_to_others()
    {
        var plan = Serving(2, chunks: 8, out _);
        for (var second = 0; second < 10; second++)
        {
            Advance(1);
            Assert.Empty(Step(plan, new FetchEvent.Heard(1)));
        }

        Advance(0.1);
        var actions = Step(plan, new FetchEvent.Tick());
        Assert.Equal(0, Assert.IsType<FetchAction.Close>(actions[0]).Holder);
        Assert.Contains("silent for 10 s", ((FetchAction.Close)actions[0]).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Last_chunk_of_a_slow_holder_is_taken_over_once()
    {
        var plan = Serving(3, chunks: 3, out _);
        Advance(0.1);
        Step(plan, new FetchEvent.ChunkCame(0, 0, true));
        Step(plan, new FetchEvent.ChunkCame(1, 1, true));
        Advance(0.3);
        Assert.Empty(Step(plan, new FetchEvent.Tick()));
        Advance(0.1);
        Assert.Equal([new FetchAction.AskChunk(0, 2)], Step(plan, new FetchEvent.Tick()));
        Advance(1);
        Assert.Empty(Step(plan, new FetchEvent.Tick()));
        Assert.Equal([new FetchAction.Finish()], Step(plan, new FetchEvent.ChunkCame(2, 2, true)));
    }

    [Fact]
    public void No_holder_left_fails_at_once_and_says_why_of_each()
    {
        var plan = Serving(2, chunks: 2, out _);
        Step(plan, new FetchEvent.Refused(0, "version 3 is gone"));
        var failed = Assert.IsType<FetchAction.Fail>(Step(plan, new FetchEvent.Refused(1, "it went away"))[^1]);
        Assert.False(failed.IsLate);
        Assert.Equal("member 0: is left alone (version 3 is gone); member 1: is left alone (it went away)", failed.Text);
    }

    [Fact]
    public void Dead_holder_is_given_up_after_a_few_attempts()
    {
        var plan = Plan(1);
        Step(plan, new FetchEvent.Tick());
        for (var attempt = 1; attempt < 6; attempt++)
        {
            Assert.Empty(Step(plan, new FetchEvent.Lost(0, "refused")));
            Advance(2);
            Assert.Equal([new FetchAction.Connect(0)], Step(plan, new FetchEvent.Tick()));
        }

        Assert.IsType<FetchAction.Fail>(Assert.Single(Step(plan, new FetchEvent.Lost(0, "refused"))));
    }

    [Fact]
    public void Deadline_tells_the_phase_of_each_holder()
    {
        var plan = Plan(3);
        Step(plan, new FetchEvent.Tick());
        Step(plan, new FetchEvent.Opened(0));
        Step(plan, new FetchEvent.Lost(1, "refused"));
        _now = TimeSpan.FromSeconds(61);
        var failed = Assert.IsType<FetchAction.Fail>(Step(plan, new FetchEvent.Tick())[^1]);
        Assert.True(failed.IsLate);
        Assert.StartsWith("in 60 s; member 0: has not given its manifest; member 1: ", failed.Text, StringComparison.Ordinal);
    }

    private FetchPlan Plan(int holders) => new(
        [.. Enumerable.Range(0, holders).Select(holder => $"member {holder}")], _now, TimeSpan.FromSeconds(61));

    private FetchPlan Opened(int holders)
    {
        var plan = Plan(holders);
        Step(plan, new FetchEvent.Tick());
        for (var holder = 0; holder < holders; holder++)
        {
            Step(plan, new FetchEvent.Opened(holder));
        }

        return plan;
    }

    private FetchPlan Serving(int holders, int chunks, out IReadOnlyList<FetchAction> actions)
    {
        var plan = Opened(holders);
        for (var holder = 0; holder < holders; holder++)
        {
            Step(plan, new FetchEvent.ManifestCame(holder, Run));
        }

        actions = Step(plan, new FetchEvent.Compared(Enumerable.Repeat(true, chunks).ToArray()));
        return plan;
    }

    private IReadOnlyList<FetchAction> Step(FetchPlan plan, FetchEvent happened) => plan.Step(_now, happened);

    private void Advance(double seconds) => _now += TimeSpan.FromSeconds(seconds);
}
