using Crossnode.Cli.Benchmarks;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Benchmarks.Results;

namespace Crossnode.Cli.Tests.Benchmarks;

[Trait("tier", "unit")]
public sealed class ResultsTests
{
    private static readonly Dictionary<string, IReadOnlyList<double>> Peers = new()
    {
        ["mpi-tcp"] = [4, 8, 6],
        ["mpi-shm"] = [1, 1, 1],
        ["torch"] = [9, 3, 9],
    };

    [Theory]
    [InlineData(new double[] { 3, 1, 2 }, 2)]
    [InlineData(new double[] { 4, 1, 2, 3 }, 2.5)]
    [InlineData(new double[] { 7 }, 7)]
    public void Median_is_the_middle(double[] values, double median) => Assert.Equal(median, Statistics.Median(values));

    [Fact]
    public void Large_operation_is_compared_by_bandwidth_in_each_round()
    {
        var comparison = Comparison.Of("tcp", BenchPlan.SmallestLarge, [2, 2, 4], Peers)!;
        Assert.Equal("mpi-tcp", comparison.BestPeer);
        Assert.Equal(new Spread(2, 1.5, 4), comparison.Bandwidth);
        Assert.Null(comparison.Latency);
    }

    [Fact]
    public void Small_operation_is_compared_by_time_in_each_round()
    {
        var comparison = Comparison.Of("tcp", BenchPlan.SmallestLarge - 1, [2, 2, 9], Peers)!;
        Assert.Equal(new Spread(0.5, 0.25, 1.5), comparison.Latency);
        Assert.Null(comparison.Bandwidth);
    }

    [Fact]
    public void Shared_memory_is_compared_with_shared_memory() =>
        Assert.Equal("mpi-shm", Comparison.Of("shared-memory", 0, [1, 1, 1], Peers)!.BestPeer);

    [Fact]
    public void Without_a_comparable_peer_there_is_no_ratio() =>
        Assert.Null(Comparison.Of("shared-memory", 0, [1], new Dictionary<string, IReadOnlyList<double>> { ["torch"] = [1] }));

    [Fact]
    public void Row_is_computed_from_its_rounds()
    {
        var row = BenchRow.Of(
            BenchPlan.Of(new BenchConfiguration { Sizes = ["1MiB"], Worlds = ["4"] }, new BenchMachine(2, long.MaxValue))[0],
            new OwnVariant("tcp", BenchConfiguration.System, "none", "barrier"),
            [new(0, 0.25, 100, 0.5), new(0, 0.5, 200, 0.25), new(0, 1, 300, 0.75)],
            new Dictionary<string, IReadOnlyList<double>> { ["torch"] = [1, 1, 1] });
        Assert.Equal((0.5, 0.25, 1.0), (row.MedianSeconds, row.MinSeconds, row.MaxSeconds));
        Assert.Equal(3 * (1 << 20), row.BusBandwidth);
        Assert.Equal((2, 1, 4), (row.RatioToBestPeer, row.RatioMin, row.RatioMax));
        Assert.Equal((300, 0.5), (row.AllocatedBytes, row.CpuSecondsPerOperation));
        Assert.Equal(1.5 * (1 << 20), row.Peers!["torch"].BusBandwidth);
        var lines = BenchCsv.Lines([[row]]).Select(line => line.Split(',')).ToList();
        Assert.Equal(3, lines.Count);
        Assert.All(lines, line => Assert.Equal(lines[0].Length, line.Length));
        Assert.Equal(["all-reduce", "4", "1048576"], lines[1][..3]);
        Assert.Contains("torch", lines[2]);
    }

    [Fact]
    public void Codec_is_not_compared_with_peers()
    {
        var row = BenchRow.Of(
            BenchPlan.Of(new BenchConfiguration { Sizes = ["1MiB"], Worlds = ["4"] }, new BenchMachine(2, long.MaxValue))[0],
            new OwnVariant("tcp", BenchConfiguration.System, "f16", "barrier"),
            [new(0, 0.25, 100, 0.5)],
            new Dictionary<string, IReadOnlyList<double>> { ["torch"] = [1] });
        Assert.Equal((null, null), (row.BestPeer, row.RatioToBestPeer));
        Assert.Equal(1, row.Peers!["torch"].MedianSeconds);
    }

    [Fact]
    public void Replies_are_read_as_they_are_written()
    {
        var reply = new BenchReply(3, 1.25e-5, 2096, 3.5e-5);
        Assert.Equal(reply, BenchReply.Parse(reply.ToLine()));
        Assert.Equal(new BenchReply(1, 0.5, 0, 0), BenchReply.Parse("took 1 0.5"));
        Assert.Null(BenchReply.Parse("Loading libraries ..."));
        Assert.Equal((2, 77), BenchReply.ParseReady(BenchReply.ReadyLine(2, 77)));
    }

    [Fact]
    public void Orders_are_read_as_they_are_written()
    {
        const string Line = "go all-reduce f32 4096 300 in none barrier ring";
        Assert.Equal(Line, BenchOrder.Parse(Line)!.ToLine());
        Assert.Null(BenchOrder.Parse(BenchOrder.Stop));
    }
}
