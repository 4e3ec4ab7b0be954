using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: whoever joins a run trains along, and who may not disturbs nobody. Method: real processes, started by the very
/// line that crossnode prints to be pasted; lines of output say when, and a signal ends runs that have no end.</summary>
[Trait("tier", "integration")]
public sealed partial class JoinTests : IDisposable
{
    private const int Endless = 1_000_000;
    private const int Stop = 19;
    private const int Continue = 18;

    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-join-").FullName;

    public JoinTests()
    {
        TinyTraining.SkipWithoutTorch();
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        File.WriteAllText(Text, TinyTraining.MadeUpText());
    }

    private string Text => Path.Combine(_folder, "text.txt");

    [Fact]
    public void Pasted_line_joins_a_training_and_all_end_with_the_same_state()
    {
        using var train = Train("a", workers: 2, Endless, "--json", "--evaluate-every", "100");
        train.WaitForLine("\"step\":50,");
        using var join = Join(train, "b", "--json", "--workers", "2");
        join.WaitForLine("\"kind\":\"level\"", times: 2);
        train.WaitForLine("\"members\":[0,1,2,3],\"attempts\"", times: 20);
        train.Signal(Signals.Terminate);
        Assert.True(train.WaitForExit().ExitCode == ExitCodes.Interrupted, train.All());
        // The machine with the coordinator stopped, and took everybody along.
        Assert.True(join.WaitForExit().ExitCode == ExitCodes.Success, join.All());

        Assert.Equal([2, 3], join.Json("level").Select(line => line.GetProperty("worker").GetInt32()).Order());
        var steps = train.Json("step").Select(step => step.GetProperty("step").GetInt32()).ToList();
        Assert.Equal(Enumerable.Range(0, steps.Count), steps);
        var hashes = Members(train).Concat(Members(join))
            .Where(member => member.GetProperty("stateHash").ValueKind == JsonValueKind.String)
            .Select(member => (Id: member.GetProperty("id").GetInt32(), Hash: member.GetProperty("stateHash").GetString()))
            .ToList();
        Assert.Equal([0, 1, 2, 3], hashes.Select(member => member.Id).Distinct().Order());
        Assert.Single(hashes.Select(member => member.Hash).Distinct());

        static IEnumerable<JsonElement> Members(CrossnodeProcess process) => Summary(process).GetProperty("members").EnumerateArray();
    }

    [Fact]
    public void Pasted_line_joins_a_training_with_local_steps()
    {
        using var train = Train(
            "a", workers: 2, Endless, "--json", "--evaluate-every", "100", "--strategy", "diloco", "--synchronous-steps", "40", "--sync-every", "20");
        train.WaitForLine("\"step\":50,");
        using var join = Join(train, "b", "--json");
        join.WaitForLine("\"kind\":\"level\"");
        train.WaitForLine("\"members\":[0,1,2],\"attempts\"", times: 2);
        train.Signal(Signals.Interrupt);
        join.Signal(Signals.Interrupt);
        Assert.Equal(ExitCodes.Interrupted, train.WaitForExit().ExitCode);
        Assert.Equal(ExitCodes.Interrupted, join.WaitForExit().ExitCode);
    }

    [Fact]
    public void Coordinator_of_its_own_brings_launchers_together_and_a_worker_that_dies_is_started_anew()
    {
        using var coordinator = CrossnodeProcess.Start("coordinator", "--record", Path.Combine(_folder, "records"));
        var way = Way(coordinator.WaitForLine("begin a training run:"));
        using var train = CrossnodeProcess.Start(
            ["train", "--coordinator", .. way, .. TinyTraining.Flags(Text, Path.Combine(_folder, "a"), workers: 1, Endless, "--json")]);
        train.WaitForLine("\"step\":20,");
        using var join = CrossnodeProcess.Start(
            ["join", .. way, "--data", Text, "--out", Path.Combine(_folder, "b"), "--json", "--restarts", "1"]).WaitForWorkers();
        join.WaitForLine("\"kind\":\"level\"");
        Signals.Send(join.Workers[0], Signals.Kill);
        join.WaitForLine("was started anew");
        join.WaitForLine("\"kind\":\"level\"", times: 2);

        train.Signal(Signals.Interrupt);
        join.Signal(Signals.Interrupt);
        train.WaitForExit();
        join.WaitForExit();
        coordinator.WaitForExit();
        Assert.Equal(ExitCodes.Interrupted, train.ExitCode);
        Assert.Equal(ExitCodes.Interrupted, join.ExitCode);
        Assert.True(coordinator.ExitCode == ExitCodes.Success, coordinator.All());
        Assert.Equal([0, 1, 2], join.Json("level").Select(line => line.GetProperty("worker").GetInt32()).Append(0).Order());
    }

    [Fact]
    public void Coordinator_that_was_killed_is_not_missed_and_goes_on_when_it_is_started_again()
    {
        var record = Path.Combine(_folder, "records");
        using var first = CrossnodeProcess.Start("coordinator", "--record", record);
        var way = Way(first.WaitForLine("begin a training run:"));
        var again = first.WaitForLine("should it die").Split("crossnode coordinator ")[1].Split(' ');
        using var train = CrossnodeProcess.Start(
            ["train", "--coordinator", .. way, .. TinyTraining.Flags(Text, Path.Combine(_folder, "a"), workers: 3, Endless, "--json")]).WaitForWorkers();
        train.WaitForLine("\"step\":20,");
        first.Signal(Signals.Kill);
        first.WaitForExit();
        train.WaitForLine($"\"step\":{train.Json("step").Count + 20},");

        Signals.Send(train.Workers[2], Signals.Kill);
        var waiting = train.WaitForLine("waiting for the coordinator");
        Assert.Contains($"waiting for the coordinator {way[0]}", waiting, StringComparison.Ordinal);
        Assert.Contains("is suspected", waiting, StringComparison.Ordinal);
        train.WaitForLine($"s); waiting for the coordinator {way[0]}, away for");
        using var second = CrossnodeProcess.Start(["coordinator", .. again]);
        second.WaitForLine("view 2: members");
        train.WaitForLine($"\"step\":{train.Json("step").Count + 20},");
        Refused("another coordinator serves run", ["coordinator", "--run", way[2], "--record", record]);

        train.Signal(Signals.Terminate);
        Assert.Equal(ExitCodes.Interrupted, train.WaitForExit().ExitCode);
        Assert.True(second.WaitForExit().ExitCode == ExitCodes.Success, second.All());
    }

    [Fact]
    public void Worker_that_was_put_out_while_it_was_stopped_comes_back_as_a_newcomer()
    {
        using var train = Train("a", workers: 3, steps: Endless, "--json", "--evict-after-seconds", "4").WaitForWorkers();
        train.WaitForLine("\"step\":20,");
        Signals.Send(train.Workers[2], Stop);
        train.WaitForLine("was evicted");
        Signals.Send(train.Workers[2], Continue);
        train.WaitForLine("it comes back as a newcomer");
        train.WaitForLine("\"kind\":\"level\"");
        train.Signal(Signals.Interrupt);
        train.WaitForExit();

        Assert.Equal(2, train.Json("level").Single().GetProperty("worker").GetInt32());
        var views = train.Json("view").Select(Members).ToList();
        Assert.Equal([[0, 1, 2], [0, 1], [0, 1, 2]], views.Take(3));
    }

    [Fact]
    public void Joiner_with_other_data_is_refused_by_name_and_the_run_does_not_notice()
    {
        var other = Path.Combine(_folder, "other.txt");
        File.WriteAllText(other, TinyTraining.MadeUpText(seed: 2));
        using var train = Train("a", workers: 1, steps: Endless, "--json");
        train.WaitForLine("\"step\":5,");
        using var join = CrossnodeProcess.Start(["join", .. Way(train.WaitForLine("crossnode join")), "--data", other, "--out", Path.Combine(_folder, "b")]).WaitForExit();
        Assert.Equal(ExitCodes.Failure, join.ExitCode);
        Assert.Contains("The data here are not those of the run: document 1 of", join.Errors[^1], StringComparison.Ordinal);
        Assert.Contains("text.txt in the run, and ", join.Errors[^1], StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "b")));

        train.Signal(Signals.Interrupt);
        train.WaitForExit();
        Assert.Single(train.Json("view"));
    }

    [Fact]
    public void Joiner_without_the_data_takes_them_from_the_run_and_ends_with_the_same_state()
    {
        var files = Directory.CreateDirectory(Path.Combine(_folder, "files")).FullName;
        for (var file = 0; file < 5; file++)
        {
            File.WriteAllText(Path.Combine(files, $"{file}.txt"), TinyTraining.MadeUpText((ulong)file + 1));
        }
        using var train = CrossnodeProcess.Start(
            ["train", .. TinyTraining.Flags(files, Path.Combine(_folder, "a"), workers: 2, Endless, "--json", "--evaluate-every", "100")]);
        train.WaitForLine("\"step\":5,");
        var way = Way(train.WaitForLine("crossnode join"));
        string[] own = ["join", .. way, "--out", Path.Combine(_folder, "b"), "--data-from-run"];
        Refused("give one of them", [.. own, "--data", Text]);
        Refused("or take the run's with --data-from-run", ["join", .. way, "--data", Text, "--out", Path.Combine(_folder, "b")]);

        using var join = CrossnodeProcess.Start([.. own, "--json", "--workers", "2"]);
        join.WaitForLine("fetches the run's data: 300 kB of 300 kB, from worker");
        join.WaitForLine("\"kind\":\"level\"", times: 2);
        train.WaitForLine("\"members\":[0,1,2,3],\"attempts\"", times: 20);
        train.Signal(Signals.Terminate);
        Assert.True(train.WaitForExit().ExitCode == ExitCodes.Interrupted, train.All());
        Assert.True(join.WaitForExit().ExitCode == ExitCodes.Success, join.All());

        // One of the two workers fetched for both.
        Assert.Single(join.Errors, line => line.Contains("has the run's data", StringComparison.Ordinal));
        Assert.Equal(Sizes(train), Sizes(join));
        Assert.Single(Hashes(train).Concat(Hashes(join)).Distinct());
        // Whoever leaves last is not in the other machine's last view.
        Assert.Equal([0, 1, 2, 3], Ids(train).Concat(Ids(join)).Distinct().Order());
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "b"), "corpus*"));

        static (long, long) Sizes(CrossnodeProcess process) => process.Json("corpus").Single() is var line
            ? (line.GetProperty("trainingBytes").GetInt64(), line.GetProperty("heldOutBytes").GetInt64()) : default;
        static IEnumerable<JsonElement> Ended(CrossnodeProcess process) => Summary(process).GetProperty("members").EnumerateArray()
            .Where(member => member.GetProperty("stateHash").ValueKind == JsonValueKind.String);
        static IEnumerable<int> Ids(CrossnodeProcess process) => Ended(process).Select(member => member.GetProperty("id").GetInt32());
        static IEnumerable<string?> Hashes(CrossnodeProcess process) => Ended(process).Select(member => member.GetProperty("stateHash").GetString());
    }

    [Fact]
    public async Task Wrong_run_other_service_and_silence_are_each_a_sentence()
    {
        using var train = Train("a", workers: 1, steps: Endless, "--json");
        var way = Way(train.WaitForLine("crossnode join"));
        Refused("serves another run than 00000000000000000000000000000001; copy", "join", way[0], "--run", "00000000000000000000000000000001");
        Refused("has begun already: crossnode join", ["train", "--coordinator", .. way, "--data", Text]);

        using var service = new TcpListener(IPAddress.Loopback, 0);
        service.Start();
        var greeting = Task.Run(async () =>
        {
            var cancellation = TestContext.Current.CancellationToken;
            var socket = await service.AcceptSocketAsync(cancellation);
            await socket.SendAsync("220 mail.example ESMTP\r\n"u8.ToArray(), cancellation);
            return socket;
        });
        Refused("is no coordinator: ", ["join", service.LocalEndpoint.ToString()!, .. way[1..]]);
        (await greeting).Dispose();
        Refused("holds no record of run", ["coordinator", "--run", way[2], "--record", Path.Combine(_folder, "records")]);
        Refused("cannot hold the record of a run", ["coordinator", "--record", Text]);
        Refused("no coordinator answers at 127.0.0.1:1", ["join", "127.0.0.1:1", .. way[1..]]);

        train.Signal(Signals.Interrupt);
        train.WaitForExit();
    }

    [Fact]
    public void Program_of_ones_own_is_started_anew_when_it_dies()
    {
        var end = Path.Combine(_folder, "end");
        using var run = CrossnodeProcess.Start("run", "--workers", "2", "--restarts", "2", "--", CrossnodeProcess.WorkerProgram, end).WaitForWorkers();
        run.WaitForLine("[0] members 2");
        run.WaitForLine("[1] members 2");
        Signals.Send(run.Workers[1], Signals.Kill);
        run.WaitForLine("worker 1 was started anew");
        run.WaitForLine("[1] members 2", times: 2);
        File.WriteAllText(end, "");
        run.WaitForExit();
        Assert.True(run.ExitCode == ExitCodes.Success, run.All());
    }

    [Fact]
    public void Programs_of_ones_own_meet_at_a_coordinator()
    {
        var end = Path.Combine(_folder, "end");
        using var coordinator = CrossnodeProcess.Start("coordinator", "--record", Path.Combine(_folder, "records"));
        var way = Way(coordinator.WaitForLine("or a program of yours:"));
        using var first = CrossnodeProcess.Start(["run", "--coordinator", .. way, "--workers", "2", "--", CrossnodeProcess.WorkerProgram, end]);
        first.WaitForLine("members 2", times: 2);
        using var second = CrossnodeProcess.Start(["run", "--coordinator", .. way, "--workers", "1", "--", CrossnodeProcess.WorkerProgram, end]);
        first.WaitForLine("members 3", times: 2);
        second.WaitForLine("members 3");
        File.WriteAllText(end, "");
        Assert.True(first.WaitForExit().ExitCode == ExitCodes.Success, first.All());
        Assert.True(second.WaitForExit().ExitCode == ExitCodes.Success, second.All());
        Assert.True(coordinator.WaitForExit().ExitCode == ExitCodes.Success, coordinator.All());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Refused(string sentence, params string[] arguments)
    {
        using var process = CrossnodeProcess.Start(arguments).WaitForExit();
        Assert.True(process.ExitCode is ExitCodes.Failure or ExitCodes.Usage, process.All());
        Assert.Contains(sentence, process.Errors[^1], StringComparison.Ordinal);
        Assert.DoesNotContain(process.Errors, line => line.TrimStart().StartsWith("at ", StringComparison.Ordinal));
    }

    private static string[] Way(string line)
    {
        var found = WayForm().Match(line);
        Assert.True(found.Success, line);
        return [found.Groups[1].Value, "--run", found.Groups[2].Value];
    }

    private static List<int> Members(JsonElement line) => [.. line.GetProperty("members").EnumerateArray().Select(member => member.GetInt32())];

    private static JsonElement Summary(CrossnodeProcess process) => process.Json("summary").Single();

    private CrossnodeProcess Join(CrossnodeProcess train, string name, params string[] more) => CrossnodeProcess.Start(
        ["join", .. Way(train.WaitForLine("crossnode join")), "--data", Text, "--out", Path.Combine(_folder, name), .. more]);

    private CrossnodeProcess Train(string name, int workers, int steps, params string[] more) => CrossnodeProcess.Start(
        ["train", .. TinyTraining.Flags(Text, Path.Combine(_folder, name), workers, steps, more)]);

    [GeneratedRegex(@"(\d+\.\d+\.\d+\.\d+:\d+) --run ([0-9a-f]{32})")]
    private static partial Regex WayForm();
}
