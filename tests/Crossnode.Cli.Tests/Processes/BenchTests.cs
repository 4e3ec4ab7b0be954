using System.Text.Json;
using Crossnode.Cli.Benchmarks;
using Crossnode.Cli.Benchmarks.Peers;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Processes;

[Trait("tier", "integration")]
public sealed class BenchTests : IDisposable
{
    private static readonly string[] Small = ["bench", "--worlds", "2", "--links", "tcp", "--rounds", "3", "--iterations", "5", "--json"];

    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-bench-test-").FullName;

    [Fact]
    public void Small_run_prints_a_row_for_each_size_and_writes_table_and_figure()
    {
        var (csv, figure) = (Path.Combine(_folder, "rows.csv"), Path.Combine(_folder, "bandwidth.svg"));
        using var bench = CrossnodeProcess.Start([.. Small, "--sizes", "4KiB,64KiB", "--csv", csv, "--figure", figure]).WaitForExit();
        Assert.True(bench.ExitCode == ExitCodes.Success, bench.All());
        var rows = bench.Json("bench");
        Assert.Equal([4096, 65536], rows.Select(row => row.GetProperty("bytes").GetInt64()));
        Assert.All(rows, row =>
        {
            Assert.Equal("all-reduce", row.GetProperty("operation").GetString());
            Assert.Equal(2, row.GetProperty("world").GetInt32());
            Assert.Equal("tcp", row.GetProperty("link").GetString());
            Assert.Equal("none", row.GetProperty("codec").GetString());
            Assert.False(row.GetProperty("inPlace").GetBoolean());
            Assert.Equal("barrier", row.GetProperty("commit").GetString());
            Assert.Equal(CongestionControl.InEffect(BenchConfiguration.Own), row.GetProperty("congestionControl").GetString());
            Assert.Equal(3, row.GetProperty("rounds").GetInt32());
            var median = row.GetProperty("medianSeconds").GetDouble();
            Assert.InRange(median, row.GetProperty("minSeconds").GetDouble(), row.GetProperty("maxSeconds").GetDouble());
            // With two processes, what crosses the bus is the size of the operation.
            Assert.Equal(row.GetProperty("bytes").GetInt64() / median, row.GetProperty("busBandwidth").GetDouble(), tolerance: 1);
            Assert.False(row.TryGetProperty("peers", out _));
            Assert.False(row.TryGetProperty("latencyRatio", out _));
        });
        Assert.Equal(3, File.ReadAllLines(csv).Length);
        Assert.Contains("bus bandwidth, GB/s", File.ReadAllText(figure), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("broadcast", 1)]
    [InlineData("reduce", 1)]
    [InlineData("reduce-scatter", 0.5)]
    [InlineData("all-gather", 0.5)]
    [InlineData("scatter", 1)]
    [InlineData("gather", 1)]
    [InlineData("all-to-all", 0.5)]
    [InlineData("send-receive", 1)]
    [InlineData("barrier", 0)]
    public void Every_other_operation_runs_and_is_checked(string operation, double factor)
    {
        using var bench = CrossnodeProcess.Start([.. Small, operation, "--sizes", "64KiB", "--congestion-control", "system", "--in-place"]).WaitForExit();
        Assert.True(bench.ExitCode == ExitCodes.Success, bench.All());
        var row = bench.Json("bench")[^1];
        Assert.True(row.GetProperty("inPlace").GetBoolean());
        Assert.Equal(BenchConfiguration.System, row.GetProperty("congestionControl").GetString());
        Assert.Equal(
            factor * row.GetProperty("bytes").GetInt64() / row.GetProperty("medianSeconds").GetDouble(),
            row.GetProperty("busBandwidth").GetDouble(),
            tolerance: 1);
    }

    [Theory]
    [InlineData("f16")]
    [InlineData("bf16")]
    [InlineData("f64")]
    [InlineData("i8")]
    [InlineData("u64")]
    public void Every_type_gives_exact_sums_in_place_and_out_of_place(string type)
    {
        using var bench = CrossnodeProcess.Start([.. Small, "--sizes", "1MiB", "--types", type, "--in-place"]).WaitForExit();
        Assert.True(bench.ExitCode == ExitCodes.Success, bench.All());
        Assert.Equal([false, true], bench.Json("bench").Select(row => row.GetProperty("inPlace").GetBoolean()));
    }

    [Theory]
    [InlineData("all-reduce")]
    [InlineData("reduce-scatter")]
    public void Every_codec_gives_sums_that_are_near_enough(string operation)
    {
        using var bench = CrossnodeProcess.Start([.. Small, operation, "--sizes", "1MiB", "--codecs", "none,f16,bf16,int8,e3m0,sign"]).WaitForExit();
        Assert.True(bench.ExitCode == ExitCodes.Success, bench.All());
        Assert.Equal(["none", "f16", "bf16", "int8", "e3m0", "sign"], bench.Json("bench").Select(row => row.GetProperty("codec").GetString()));
    }

    [Fact]
    public void Rank_that_dies_is_named_and_nothing_goes_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are needed");
        using var bench = CrossnodeProcess.Start("bench", "--sizes", "4KiB", "--worlds", "2", "--links", "tcp", "--rounds", "10000");
        var line = bench.WaitForLine("with 2 ranks: processes ");
        var ids = line[(line.LastIndexOf(' ', line.LastIndexOf(',')) + 1)..].Split(", ").Select(int.Parse).ToList();
        Signals.Send(ids[1], Signals.Kill);
        bench.WaitForExit();
        Assert.Equal(ExitCodes.Failure, bench.ExitCode);
        var sentence = Assert.Single(bench.Errors, error => error.StartsWith("crossnode: ", StringComparison.Ordinal));
        Assert.StartsWith($"crossnode: rank 1 of 2 of crossnode over tcp (process {ids[1]}) was killed by SIGKILL during ", sentence, StringComparison.Ordinal);
        Assert.All(ids, id => Assert.False(Directory.Exists($"/proc/{id}"), $"process {id} goes on"));
    }

    [Fact]
    public void Ctrl_C_ends_everything()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are needed");
        using var bench = CrossnodeProcess.Start("bench", "--sizes", "4KiB", "--worlds", "2", "--links", "tcp", "--rounds", "10000");
        var line = bench.WaitForLine("with 2 ranks: processes ");
        bench.Signal(Signals.Interrupt);
        bench.WaitForExit();
        Assert.Equal(ExitCodes.Interrupted, bench.ExitCode);
        Assert.All(
            line[(line.LastIndexOf(' ', line.LastIndexOf(',')) + 1)..].Split(", "), id => Assert.False(Directory.Exists($"/proc/{id}"), $"process {id} goes on"));
    }

    [Fact]
    public void Peers_run_beside_it_where_they_are_installed()
    {
        var programs = new PeerPrograms(Environment.GetEnvironmentVariable("PATH"));
        Assert.SkipWhen(
            programs.Find("mpicc") is null || programs.Find("mpirun") is null || !File.Exists("/usr/lib/python3/dist-packages/torch/__init__.py"),
            "Open MPI or torch is not installed: apt-get install openmpi-bin libopenmpi-dev gcc python3-torch");
        using var bench = CrossnodeProcess.Start([.. Small, "--sizes", "4KiB,1MiB", "--peers", "mpi,torch"]).WaitForExit();
        Assert.True(bench.ExitCode == ExitCodes.Success, bench.All());
        Assert.Equal([4096, 1 << 20], bench.Json("bench").Select(row => row.GetProperty("bytes").GetInt64()));
        Assert.All(bench.Json("bench"), row =>
        {
            Assert.Equal(["mpi-tcp", "mpi-shm", "torch"], row.GetProperty("peers").EnumerateObject().Select(peer => peer.Name));
            Assert.Contains(row.GetProperty("bestPeer").GetString(), (string[])["mpi-tcp", "torch"]);
            var isLarge = row.GetProperty("bytes").GetInt64() >= 1 << 20;
            Assert.Equal(isLarge, row.TryGetProperty("ratioToBestPeer", out _));
            Assert.Equal(!isLarge, row.TryGetProperty("latencyRatio", out _));
        });
    }

    [Theory]
    [InlineData("mpi", "no mpicc in the PATH", "openmpi-bin libopenmpi-dev gcc")]
    [InlineData("torch", "no python3 in the PATH has torch.distributed", "python3-torch")]
    public void Missing_peer_is_one_sentence_that_names_its_packages(string peer, string what, string packages)
    {
        using var bench = CrossnodeProcess.Start([.. Small, "--peers", peer], path: _folder).WaitForExit();
        Assert.Equal(ExitCodes.Usage, bench.ExitCode);
        var sentence = Assert.Single(bench.Errors, error => error.StartsWith("crossnode: ", StringComparison.Ordinal));
        Assert.Contains(what, sentence, StringComparison.Ordinal);
        Assert.Contains($"apt-get install {packages}, or leave {peer} out of --peers.", sentence, StringComparison.Ordinal);
        Assert.Empty(bench.Output);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
