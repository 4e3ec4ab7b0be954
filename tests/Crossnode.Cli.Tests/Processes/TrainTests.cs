using System.Text;
using System.Text.Json;
using Crossnode.Cli.Launching;
using Crossnode.Cli.Training;
using Crossnode.Core;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: crossnode train does what its documentation says, also when workers are killed. Method: real processes
/// train a tiny model on a made-up text; lines of output say when, no test waits for a time to pass.</summary>
[Trait("tier", "integration")]
public sealed class TrainTests : IDisposable
{
    private const int Endless = 1_000_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-train-").FullName;

    public TrainTests()
    {
        TinyTraining.SkipWithoutTorch();
        File.WriteAllText(Text, TinyTraining.MadeUpText());
    }

    private string Text => Path.Combine(_folder, "text.txt");

    [Fact]
    public void Training_writes_all_that_it_promises_and_members_end_equal()
    {
        using var train = Train("a", workers: 2, steps: 30, "--json").WaitForExit();
        Assert.True(train.ExitCode == ExitCodes.Success, train.All());
        var run = Path.Combine(_folder, "a");
        Assert.Equal(
            ["loss.png", "loss.svg", "metrics.jsonl", "model.safetensors", "sample.txt"],
            Directory.EnumerateFiles(run).Select(Path.GetFileName).Order());
        Assert.Equal(train.Output, File.ReadLines(Path.Combine(run, "metrics.jsonl")));

        var steps = train.Json("step");
        Assert.Equal(Enumerable.Range(0, 30), steps.Select(step => step.GetProperty("step").GetInt32()));
        Assert.True(Loss(steps[^1]) < Loss(steps[0]) - 0.5, train.All());
        Assert.Equal([10, 20, 30], train.Json("evaluation").Select(line => line.GetProperty("steps").GetInt32()));

        var summary = JsonDocument.Parse(train.Output[^1]).RootElement;
        Assert.Equal("summary", summary.GetProperty("kind").GetString());
        Assert.Equal(30, summary.GetProperty("steps").GetInt32());
        Assert.Equal(1, summary.GetProperty("views").GetInt32());
        Assert.Equal(train.Json("evaluation")[^1].GetProperty("heldOutLoss").GetDouble(), summary.GetProperty("heldOutLoss").GetDouble());
        var members = summary.GetProperty("members").EnumerateArray().ToList();
        Assert.Equal([0, 1], members.Select(member => member.GetProperty("id").GetInt32()));
        Assert.Single(members.Select(member => member.GetProperty("stateHash").GetString()).Distinct());
        Assert.All(members, member => Assert.True(
            member.GetProperty("wireBytesSent").GetInt64() > member.GetProperty("payloadBytesSent").GetInt64()
            && member.GetProperty("payloadBytesSent").GetInt64() > 0));

        using var sample = CrossnodeProcess.Start("sample", "--checkpoint", Path.Combine(run, "model.safetensors"), "--bytes", "20").WaitForExit();
        Assert.True(sample.ExitCode == ExitCodes.Success, sample.All());
    }

    [Fact]
    public void Same_seed_and_members_give_the_same_losses_to_the_bit()
    {
        using var first = Train("a", workers: 2, steps: 12, "--json").WaitForExit();
        using var second = Train("b", workers: 2, steps: 12, "--json").WaitForExit();
        using var other = Train("c", workers: 2, steps: 12, "--json", "--seed", "2").WaitForExit();
        Assert.Equal(12, first.Json("step").Count);
        Assert.Equal(first.Json("step").Select(Loss), second.Json("step").Select(Loss));
        Assert.NotEqual(first.Json("step").Select(Loss), other.Json("step").Select(Loss));
    }

    [Fact]
    public void Killed_worker_leaves_a_training_that_finishes()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        using var train = Train("a", workers: 3, steps: 400, "--json").WaitForWorkers();
        train.WaitForLine("\"step\":20,");
        Signals.Send(train.Workers[2], Signals.Kill);
        train.WaitForExit();
        Assert.True(train.ExitCode == ExitCodes.Success, train.All());
        Assert.Contains(train.Errors, line => line.EndsWith("worker 2 was killed by SIGKILL", StringComparison.Ordinal));
        var summary = JsonDocument.Parse(train.Output[^1]).RootElement;
        Assert.Equal(400, summary.GetProperty("steps").GetInt32());
        Assert.Equal(2, summary.GetProperty("views").GetInt32());
        var members = summary.GetProperty("members").EnumerateArray().ToList();
        Assert.Equal([0, 1], members.Select(member => member.GetProperty("id").GetInt32()));
        Assert.Single(members.Select(member => member.GetProperty("stateHash").GetString()).Distinct());
        Assert.Equal(Enumerable.Range(0, 400), train.Json("step").Select(step => step.GetProperty("step").GetInt32()));
    }

    [Fact]
    public void DiLoCo_averages_seldom_goes_on_when_a_worker_is_killed_and_ends_equal()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        // 20 synchronous steps, then 24 rounds of 15 and one of 5: the kill meets the second round.
        using var train = Train(
            "a", workers: 4, steps: 385, "--json", "--strategy", "diloco", "--synchronous-steps", "20", "--sync-every", "15")
            .WaitForWorkers();
        train.WaitForLine("\"step\":40,");
        Signals.Send(train.Workers[2], Signals.Kill);
        train.WaitForExit();
        Assert.True(train.ExitCode == ExitCodes.Success, train.All());
        Assert.Contains(train.Errors, line => line.EndsWith("every 15 of 365 steps, 25 times; 365 is no multiple of 15, so the last 5 are averaged at the end", StringComparison.Ordinal));

        var steps = train.Json("step");
        Assert.Equal(Enumerable.Range(0, 385), steps.Select(step => step.GetProperty("step").GetInt32()));
        var exchanges = steps.Where(step => step.GetProperty("members").GetArrayLength() > 0).Select(step => step.GetProperty("step").GetInt32());
        Assert.Equal([.. Enumerable.Range(0, 20), .. Enumerable.Range(1, 24).Select(round => 20 + (15 * round) - 1)], exchanges);
        Assert.True(Loss(steps[^1]) < Loss(steps[0]) - 0.5, train.All());

        var summary = JsonDocument.Parse(train.Output[^1]).RootElement;
        Assert.Equal(2, summary.GetProperty("views").GetInt32());
        var members = summary.GetProperty("members").EnumerateArray().ToList();
        Assert.Equal([0, 1, 3], members.Select(member => member.GetProperty("id").GetInt32()));
        Assert.Single(members.Select(member => member.GetProperty("stateHash").GetString()).Distinct());
    }

    [Fact]
    public void Workers_end_soon_after_their_launcher_was_killed()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        using var train = Train("a", workers: 2, steps: Endless, "--json").WaitForWorkers();
        train.WaitForLine("\"step\":2,");
        var workers = train.Workers.Select(System.Diagnostics.Process.GetProcessById).ToList();
        train.Signal(Signals.Kill);
        Assert.All(workers, worker => Assert.True(worker.WaitForExit(TimeSpan.FromSeconds(5)), $"worker {worker.Id} still runs"));
    }

    [Fact]
    public void Interrupted_training_keeps_what_it_has()
    {
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        using var train = Train("a", workers: 2, steps: Endless, "--json").WaitForWorkers();
        train.WaitForLine("\"step\":5,");
        train.Signal(Signals.Interrupt);
        train.WaitForExit();
        Assert.True(train.ExitCode == ExitCodes.Interrupted, train.All());
        Assert.True(File.Exists(Path.Combine(_folder, "a", "model.safetensors")), train.All());
        Assert.True(File.Exists(Path.Combine(_folder, "a", "loss.svg")), train.All());
        Assert.Equal("summary", JsonDocument.Parse(train.Output[^1]).RootElement.GetProperty("kind").GetString());
    }

    [Fact]
    public void Loss_that_is_no_number_stops_all_and_names_step_and_member()
    {
        using var train = Train("a", workers: 2, steps: Endless, "--json", "--learning-rate", "1e30", "--final-learning-rate", "0", "--clip-norm", "0").WaitForExit();
        Assert.Equal(ExitCodes.Failure, train.ExitCode);
        Assert.Contains(train.Errors, line => line.Contains("step ", StringComparison.Ordinal)
            && line.Contains("not finite", StringComparison.Ordinal) && line.Contains("member", StringComparison.Ordinal));
        Assert.DoesNotContain(train.Errors, line => line.Contains("   at ", StringComparison.Ordinal));
    }

    [Fact]
    public void Finished_run_is_never_overwritten()
    {
        using var first = Train("a", workers: 1, steps: 2, "--json").WaitForExit();
        var metrics = File.ReadAllText(Path.Combine(_folder, "a", "metrics.jsonl"));
        using var second = Train("a", workers: 1, steps: 2, "--json").WaitForExit();
        Assert.Equal(ExitCodes.Usage, second.ExitCode);
        Assert.Contains("holds a run already", Assert.Single(second.Errors), StringComparison.Ordinal);
        Assert.Equal(metrics, File.ReadAllText(Path.Combine(_folder, "a", "metrics.jsonl")));
    }

    [Fact]
    public void Missing_data_is_a_sentence_and_leaves_nothing_behind()
    {
        using var train = CrossnodeProcess.Start("train", "--json", "--data", "/no/such/file", "--out", Path.Combine(_folder, "a")).WaitForExit();
        Assert.Equal(ExitCodes.Usage, train.ExitCode);
        Assert.Empty(train.Output);
        Assert.StartsWith("crossnode: --data /no/such/file", Assert.Single(train.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "a")));
    }

    [Fact]
    public void Data_that_turn_out_too_short_after_the_start_end_it_without_a_word_about_workers()
    {
        // Two equal files count once, which only a reader of both can know.
        string[] files = [Path.Combine(_folder, "1.txt"), Path.Combine(_folder, "2.txt")];
        Array.ForEach(files, file => File.WriteAllText(file, new string('x', 3000)));
        using var train = CrossnodeProcess.Start(["train", "--json", "--out", Path.Combine(_folder, "a"), "--data", .. files]).WaitForExit();
        Assert.Equal(ExitCodes.Failure, train.ExitCode);
        Assert.Equal("crossnode: The data hold 3000 bytes of text; name at least 4096 with --data.", train.Errors[^1]);
        Assert.DoesNotContain(train.Errors, line => line.Contains("SIGKILL", StringComparison.Ordinal) || line.Contains("killing", StringComparison.Ordinal));
        Assert.Empty(train.Json("workerLost"));
        Assert.False(Directory.Exists(Path.Combine(_folder, "a")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private CrossnodeProcess Train(string name, int workers, int steps, params string[] more) => CrossnodeProcess.Start(
        ["train", .. TinyTraining.Flags(Text, Path.Combine(_folder, name), workers, steps, more)]);

    private static double Loss(JsonElement step) => step.GetProperty("loss").GetDouble();
}
