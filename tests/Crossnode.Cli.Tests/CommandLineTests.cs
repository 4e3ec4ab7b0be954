using Crossnode.Cli.Output;

namespace Crossnode.Cli.Tests;

[Trait("tier", "unit")]
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("trian", "There is no command 'trian'; did you mean train? crossnode --help lists the commands.")]
    [InlineData("train --stepz 3", "crossnode train has no flag --stepz; did you mean --steps? crossnode train --help lists them all.")]
    [InlineData("train --steps 0", "--steps must be a whole number of at least 1, not '0'.")]
    [InlineData("train --steps", "Required argument missing for option: '--steps'.")]
    [InlineData("train now", "crossnode train takes no argument 'now': crossnode train --help lists its flags.")]
    [InlineData("train --width 30", "--width 30 is not a multiple of the 4 heads: change one of them.")]
    [InlineData("train --listen here", "--listen must be an address with a port or a range of ports, 65535 at most, such as 127.0.0.1:5000 or 192.0.2.7:5000-5009, not 'here'.")]
    [InlineData("train --listen 127.0.0.1:70000", "--listen must be an address with a port or a range of ports, 65535 at most, such as 127.0.0.1:5000 or 192.0.2.7:5000-5009, not '127.0.0.1:70000'.")]
    [InlineData("train --advertise here", "--advertise must be an address with or without a port, such as 192.0.2.7 or 192.0.2.7:5000, not 'here'.")]
    [InlineData("train --learning-rate 0.001 --final-learning-rate 0.01", "--final-learning-rate 0.01 is above --learning-rate 0.001: lower the first or raise the second.")]
    [InlineData("train --sync-every 10", "--sync-every has no effect with --strategy data-parallel: add --strategy diloco, or leave it out.")]
    [InlineData("join 127.0.0.1:99999 --run 00000000000000000000000000000001", "the coordinator must be HOST:PORT with a port from 1 to 65535, such as 192.0.2.7:5000, not '127.0.0.1:99999'.")]
    [InlineData("join 127.0.0.1:1 --insecure --steps 5", "crossnode join has no flag --steps, because whoever joins takes the run's configuration: give it to the crossnode train that begins the run.")]
    [InlineData("join 127.0.0.1:1 --steps 5", "crossnode join has no flag --steps, because whoever joins takes the run's configuration: give it to the crossnode train that begins the run.")]
    [InlineData("join 127.0.0.1:1 --insecure --no-such 5", "crossnode join has no flag --no-such. crossnode join --help lists them all.")]
    [InlineData("join 127.0.0.1:1 --run 00000000000000000000000000000001 --wait-seconds -1", "--wait-seconds must be a number from 0 to 86400, not '-1'.")]
    [InlineData("run --workers 2", "crossnode run needs a program to start, after two dashes: crossnode run --workers 4 -- dotnet app.dll.")]
    [InlineData("run python", "'python' stands where flags of crossnode run are expected: put two dashes before the program, as in crossnode run --workers 4 -- python.")]
    [InlineData("run --workers x -- python", "--workers must be a whole number from 1 to 256, not 'x'.")]
    [InlineData("run --workers 257 -- python", "--workers must be a whole number from 1 to 256, not '257'.")]
    [InlineData("train --workers 257", "--workers must be a whole number from 1 to 256, not '257'.")]
    [InlineData("coordinator --dead 1", "--dead is for a record that is made again: add --reconstruct.")]
    [InlineData("sample", "crossnode sample needs a trained model: --checkpoint runs/.../model.safetensors.")]
    [InlineData("bench all-redcue", "crossnode bench knows no operation 'all-redcue'; did you mean all-reduce? There are all-reduce, broadcast, reduce, reduce-scatter, all-gather, scatter, gather, all-to-all, send-receive, barrier.")]
    [InlineData("bench --sizez 4KiB", "crossnode bench has no flag --sizez; did you mean --sizes? crossnode bench --help lists them all.")]
    [InlineData("bench --sizez", "crossnode bench has no flag --sizez; did you mean --sizes? crossnode bench --help lists them all.")]
    [InlineData("bench --sizes 4K", "--sizes must be sizes above 0, such as 4096, 4KiB, 64MiB or 1GiB, separated by commas, not '4K'.")]
    [InlineData("bench --sizes 0", "--sizes must be sizes above 0, such as 4096, 4KiB, 64MiB or 1GiB, separated by commas, not '0'.")]
    [InlineData("bench --sizes 6", "--sizes 6 is no whole number of f32 elements of 4 bytes.")]
    [InlineData("bench --rounds -1", "--rounds must be a whole number from 1 to 10000, not '-1'.")]
    [InlineData("bench --worlds 1", "--worlds must be whole numbers from 2 to 64, separated by commas, not '1'.")]
    [InlineData("bench --links udp", "--links knows no 'udp'; did you mean tcp? There are tcp, shared-memory.")]
    [InlineData("bench --peers mpi,tcrch", "--peers knows no 'tcrch'; did you mean torch? There are none, mpi, torch.")]
    [InlineData("bench --figure bandwidth.pdf", "--figure must name a file that ends with .svg or .png, not 'bandwidth.pdf'.")]
    [InlineData("bench --csv /no/such/folder/rows.csv", "--csv /no/such/folder/rows.csv cannot be written: it is a folder, or lies in one that does not exist.")]
    [InlineData("worker-bench", "A worker of a benchmark reads its plan from standard input: use crossnode bench, which starts the workers itself.")]
    [InlineData("worker-train", "A training worker reads its plan from standard input: use crossnode train, which starts the workers itself.")]
    public async Task Wrong_usage_is_one_sentence_and_exit_code_2(string line, string sentence)
    {
        var (exitCode, output, errors) = await RunAsync(line);
        Assert.Equal($"crossnode: {sentence}{Environment.NewLine}", errors);
        Assert.Equal("", output);
        Assert.Equal(ExitCodes.Usage, exitCode);
    }

    [Theory]
    [InlineData("data --data /no/such/file", "/no/such/file")]
    [InlineData("sample --checkpoint /no/such/file", "/no/such/file")]
    [InlineData("train --config /no/such/file", "There is no configuration file /no/such/file:")]
    [InlineData("train --data /no/such/file", "--data /no/such/file names no file")]
    [InlineData("sample --checkpoint .", "--checkpoint . is a folder")]
    [InlineData("train --config .", "--config . is a folder")]
    public async Task Missing_input_is_one_sentence_and_exit_code_2(string line, string named)
    {
        var (exitCode, _, errors) = await RunAsync(line);
        Assert.Contains(named, Assert.Single(errors.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Usage, exitCode);
    }

    [Fact]
    public async Task Files_are_listed_after_the_sums_and_only_when_asked_for()
    {
        using var data = new EqualFiles(bytes: 6000);
        var (_, sums, _) = await RunAsync($"data --data {data.Folder}");
        Assert.Contains("dropped, because an equal file is in the corpus: 1", sums, StringComparison.Ordinal);
        Assert.DoesNotContain("b.txt", sums, StringComparison.Ordinal);
        var (_, all, _) = await RunAsync($"data --data {data.Folder} --files");
        Assert.StartsWith(sums, all, StringComparison.Ordinal);
        Assert.Contains("b.txt", all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verbose_shows_where_a_failure_came_from()
    {
        // Long enough until it turns out that both files are one.
        using var data = new EqualFiles(bytes: 3000);
        var (exitCode, _, errors) = await RunAsync($"data --data {data.Folder} --verbose");
        Assert.Equal(ExitCodes.Failure, exitCode);
        Assert.Contains("   at Crossnode.", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_lists_the_commands_for_people_only()
    {
        var (exitCode, output, _) = await RunAsync("--help");
        Assert.Equal(ExitCodes.Success, exitCode);
        Assert.All((string[])["train", "run", "sample", "data", "bench", "sim", "version"], command => Assert.Contains($"  {command} ", output, StringComparison.Ordinal));
        Assert.DoesNotContain("worker-train", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_of_join_speaks_of_its_own_flags_only()
    {
        var (_, output, _) = await RunAsync("join --help");
        Assert.Contains("[60]", output, StringComparison.Ordinal);
        Assert.DoesNotContain("[default:", output, StringComparison.Ordinal);
        Assert.DoesNotContain("--coordinator", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_of_sim_names_every_rule_that_can_be_left_out()
    {
        var (_, output, _) = await RunAsync("sim --help");
        Assert.Equal(
            ["R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R13", "R14", "R15", "R16", "R17", "R18", "R19", "R20", "R21"],
            System.Text.RegularExpressions.Regex.Matches(output, @"\bR\d+\b").Select(match => match.Value));
    }

    [Fact]
    public async Task Version_says_protocol_and_libtorch()
    {
        var (exitCode, output, _) = await RunAsync("version");
        Assert.Equal(ExitCodes.Success, exitCode);
        Assert.Matches(@"^crossnode \d+\.\d+\.\d+\s+protocol 1\.\d+\s+runtime .*\s+libtorch ", output);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string line)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var input = Console.In;
        Console.SetIn(TextReader.Null);
        try
        {
            var exitCode = await CommandLine.RunAsync(
                line.Split(' '), new CliStreams(output, errors), new ProgramClock(TimeProvider.System, TimeSpan.Zero));
            return (exitCode, output.ToString(), errors.ToString());
        }
        finally
        {
            Console.SetIn(input);
        }
    }

    /// <summary>A folder with two files of the same text.</summary>
    private sealed class EqualFiles : IDisposable
    {
        public EqualFiles(int bytes)
        {
            var text = string.Concat(Enumerable.Range(0, bytes).Select(i => i % 60 == 59 ? '\n' : (char)('a' + (i * i % 26))));
            File.WriteAllText(Path.Combine(Folder, "a.txt"), text);
            File.WriteAllText(Path.Combine(Folder, "b.txt"), text);
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("crossnode-data-").FullName;

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
