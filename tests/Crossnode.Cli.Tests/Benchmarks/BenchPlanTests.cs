using Crossnode.Cli.Benchmarks;

namespace Crossnode.Cli.Tests.Benchmarks;

[Trait("tier", "unit")]
public sealed class BenchPlanTests
{
    private const long MiB = 1 << 20;

    private static readonly BenchMachine Machine = new(Cores: 2, MemoryBytes: 24L << 30);

    [Fact]
    public void Plain_run_has_every_size_and_world_and_two_rows_more()
    {
        var cases = BenchPlan.Of(new BenchConfiguration { HasExtras = true }, Machine);
        Assert.Equal(
            [
                (2, 4096, false), (2, MiB, false), (2, 64 * MiB, false), (2, 64 * MiB, true), (2, 256 * MiB, false),
                (4, 4096, false), (4, MiB, false), (4, 64 * MiB, false), (4, 256 * MiB, false),
            ],
            cases.Select(c => (c.World, c.Bytes, c.InPlace)));
        var withSystem = Assert.Single(cases, c => c.Variants.Any(v => v.Link == BenchConfiguration.Tcp && v.CongestionControl == BenchConfiguration.System));
        Assert.Equal((2, 64 * MiB, false), (withSystem.World, withSystem.Bytes, withSystem.InPlace));
        Assert.All(cases, c => Assert.Equal(c is { World: 2, Bytes: 4096 }, c.IsPinned));
    }

    [Fact]
    public void Given_lists_are_crossed()
    {
        var cases = BenchPlan.Of(
            new BenchConfiguration
            {
                Sizes = ["4KiB", "1MiB,1MiB"], Worlds = ["2,3"], Types = ["f32,f64"], CongestionControl = ["own,system"], InPlace = true, Links = ["tcp"],
            },
            Machine);
        Assert.Equal(2 * 2 * 2 * 2, cases.Count);
        Assert.All(cases, c => Assert.Equal(["own", "system"], c.Variants.Select(v => v.CongestionControl)));
    }

    [Fact]
    public void Barrier_has_no_sizes()
    {
        var only = Assert.Single(BenchPlan.Of(new BenchConfiguration { Operation = "barrier", Worlds = ["2"] }, Machine));
        Assert.Equal((0, "barrier"), (only.Bytes, only.Text));
    }

    [Fact]
    public void Peers_run_what_they_know()
    {
        var cases = BenchPlan.Of(new BenchConfiguration { Peers = ["mpi,torch"], Types = ["f32,bf16"], Sizes = ["1MiB"], Worlds = ["2"] }, Machine);
        Assert.Equal([["mpi-tcp", "mpi-shm", "torch"], []], cases.Select(c => c.Peers.Select(peer => peer.Name).ToArray()));
    }

    [Fact]
    public void Peer_that_lacks_an_operation_is_left_out()
    {
        var only = Assert.Single(BenchPlan.Of(
            new BenchConfiguration { Operation = "all-to-all", Peers = ["mpi,torch"], Sizes = ["1MiB"], Worlds = ["2"] }, Machine));
        Assert.Equal(["mpi-tcp", "mpi-shm"], only.Peers.Select(peer => peer.Name));
    }

    [Theory]
    [InlineData("all-gather", "4096", 4096, 4104)]
    [InlineData("all-gather", "4", 8, 12)]
    [InlineData("reduce", "4096", 4096, 4096)]
    public void Sizes_are_rounded_up_where_there_are_blocks(string operation, string size, long ofTwo, long ofThree)
    {
        var cases = BenchPlan.Of(new BenchConfiguration { Operation = operation, Sizes = [size], Worlds = ["2,3"] }, Machine);
        Assert.Equal([ofTwo, ofThree], cases.Select(c => c.Bytes));
    }

    [Theory]
    [InlineData(4096, 2, 10_000)]
    [InlineData(64 * MiB, 2, 4)]
    [InlineData(64 * MiB, 4, 2)]
    [InlineData(256 * MiB, 4, 1)]
    [InlineData(4096 * MiB, 4, 1)]
    public void Larger_operations_run_less_often(long bytes, int world, int iterations) =>
        Assert.Equal(iterations, BenchPlan.IterationsFor(bytes, world));

    [Theory]
    [InlineData(300, 1e-5, 300)]
    [InlineData(300, 0.01, 40)]
    [InlineData(4, 2.5, 1)]
    public void Slow_program_runs_as_often_as_fits_a_round(int most, double secondsOfOne, int iterations) =>
        Assert.Equal(iterations, BenchRun.Fitting(most, secondsOfOne));

    [Fact]
    public void More_than_the_machine_has_is_refused()
    {
        var refused = Assert.Throws<UsageException>(
            () => BenchPlan.Of(new BenchConfiguration { Sizes = ["1GiB"], Worlds = ["4"], Links = ["tcp"], Peers = ["mpi,torch"] }, Machine));
        Assert.Equal(
            "all-reduce of 1 GiB f32 with 4 processes takes 32 GiB of memory in all programs that run by turns, and this machine has 24 GiB: take smaller --sizes, fewer --worlds or fewer --peers.",
            refused.Message);
    }

    [Fact]
    public void Codecs_are_measured_by_turns()
    {
        var only = Assert.Single(BenchPlan.Of(
            new BenchConfiguration { Operation = "reduce-scatter", Codecs = ["none,int8", "sign"], Sizes = ["1MiB"], Worlds = ["2"], Links = ["tcp"] }, Machine));
        Assert.Equal(["none", "int8", "sign"], only.Variants.Select(v => v.Codec));
    }

    [Theory]
    [InlineData("broadcast", "f32", "broadcast of f32")]
    [InlineData("all-reduce", "f32,f64", "all-reduce of f64")]
    public void Codec_of_something_else_is_refused(string operation, string types, string what)
    {
        var refused = Assert.Throws<UsageException>(
            () => BenchPlan.Of(new BenchConfiguration { Operation = operation, Types = [types], Codecs = ["none,f16"] }, Machine));
        Assert.Equal($"--codecs f16 is for all-reduce and reduce-scatter of f32, not for {what}: measure those with --codecs none.", refused.Message);
    }
}
