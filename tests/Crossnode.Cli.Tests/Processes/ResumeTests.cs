using System.Text.Json;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: a training that was stopped goes on as if it had not been. Oracle: the same training without the pause, to the bit.</summary>
[Trait("tier", "integration")]
public sealed class ResumeTests : IDisposable
{
    private const int Steps = 160;

    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-resume-").FullName;

    public ResumeTests()
    {
        TinyTraining.SkipWithoutTorch();
        Assert.SkipUnless(Signals.AreSupported, "this system has no signals");
        File.WriteAllText(Text, TinyTraining.MadeUpText());
    }

    private string Text => Path.Combine(_folder, "text.txt");

    [Theory]
    [InlineData("data-parallel")]
    [InlineData("diloco")]
    public void Training_that_was_stopped_goes_on_to_the_bit(string strategy)
    {
        using var whole = Train("whole", Steps, strategy).WaitForExit();
        using var first = Train("first", Steps, strategy);
        first.WaitForLine("\"step\":41,");
        first.Signal(Signals.Terminate);
        first.WaitForExit();
        Assert.True(first.ExitCode == ExitCodes.Interrupted, first.All());
        Assert.Single(Hashes(first).Distinct());
        using var second = Resume("first", "second").WaitForExit();
        Assert.True(second.ExitCode == ExitCodes.Success, second.All());

        var expected = Losses(whole);
        var before = Losses(first);
        var after = Losses(second);
        Assert.InRange(before.Count, 3, expected.Count - 1);
        Assert.Equal(expected, before.Concat(after));
        Assert.Equal(Hashes(whole), Hashes(second));
        Assert.Equal(HeldOut(whole), HeldOut(second));
    }

    [Fact]
    public void Training_that_was_killed_goes_on_from_its_last_checkpoint_also_between_two_averagings()
    {
        using var whole = Train("whole", Steps, "diloco").WaitForExit();
        using var first = Train("first", Steps, "diloco", "--checkpoint-every", "53").WaitForWorkers();
        // A file is there whole or not at all.
        first.WaitForLine("\"step\":60,");
        first.Signal(Signals.Kill);
        foreach (var worker in first.Workers)
        {
            Signals.Send(worker, Signals.Kill);
        }
        using var second = Resume("first", "second").WaitForExit();
        Assert.True(second.ExitCode == ExitCodes.Success, second.All());
        Assert.Contains(second.Errors, line => line.Contains("from step 53 on", StringComparison.Ordinal) || line.Contains("from step 106 on", StringComparison.Ordinal));
        Assert.Equal(Hashes(whole), Hashes(second));
        Assert.Equal(Losses(whole).TakeLast(2), Losses(second).TakeLast(2));
    }

    [Fact]
    public void Training_goes_on_with_another_number_of_workers()
    {
        using var first = Train("first", Steps, "data-parallel");
        first.WaitForLine("\"step\":20,");
        first.Signal(Signals.Terminate);
        first.WaitForExit();
        using var second = Resume("first", "second", "--workers", "3").WaitForExit();
        Assert.True(second.ExitCode == ExitCodes.Success, second.All());
        var steps = second.Json("step").Select(step => step.GetProperty("step").GetInt32()).ToList();
        Assert.Equal(Enumerable.Range(steps[0], Steps - steps[0]), steps);
        Assert.Equal(first.Json("step").Count, steps[0]);
        Assert.All(second.Json("step"), step => Assert.Equal(3, step.GetProperty("members").GetArrayLength()));
        Assert.Single(Hashes(second).Distinct());
    }

    [Fact]
    public void What_cannot_be_gone_on_from_is_refused_by_name()
    {
        using var first = Train("first", Steps, "data-parallel");
        first.WaitForLine("\"step\":5,");
        first.Signal(Signals.Terminate);
        first.WaitForExit();

        using var none = Refused("is no folder 'state' in it", "--resume", _folder);
        var resume = Path.Combine(_folder, "first");
        RefusedFlags("--width is 16 in the checkpoint and 32 here", "--resume", resume, "--width", "32");
        RefusedFlags("--heads is 2 in the checkpoint and 4 here", "--resume", resume, "--heads", "4");
        RefusedFlags("--strategy is data-parallel in the checkpoint and diloco here", "--resume", resume, "--strategy", "diloco");
        var step = first.Json("step").Count;
        RefusedFlags($"the checkpoint is at step {step}, the last of --steps {step}", "--resume", resume, "--steps", $"{step}");
        RefusedFlags($"the checkpoint is at step {step}, beyond --steps {step - 1}", "--resume", resume, "--steps", $"{step - 1}");
        var other = Path.Combine(_folder, "other.txt");
        File.WriteAllText(other, TinyTraining.MadeUpText(seed: 2));
        using var strange = Refused("The data here are not those of the run that is to go on", "--resume", Path.Combine(_folder, "first"), "--data", other);

        var files = Directory.GetFiles(Path.Combine(_folder, "first", "state")).Order().ToList();
        // Whichever worker's it is, nothing is started.
        foreach (var file in Enumerable.Reverse(files))
        {
            var bytes = File.ReadAllBytes(file);
            File.WriteAllBytes(file, [.. bytes[..^1], (byte)(bytes[^1] ^ 1)]);
            using var refused = Refused($"{file} is damaged", "--resume", resume);
            Assert.Single(refused.Errors);
            File.WriteAllBytes(file, bytes);
        }
    }

    [Fact]
    public void Checkpoint_that_cannot_be_written_is_a_sentence_and_the_training_goes_on()
    {
        // A file lies where the folder would be.
        Directory.CreateDirectory(Path.Combine(_folder, "first"));
        File.WriteAllText(Path.Combine(_folder, "first", "state"), "");
        using var train = Train("first", 12, "data-parallel", "--checkpoint-every", "5").WaitForExit();
        Assert.True(train.ExitCode == ExitCodes.Success, train.All());
        Assert.Contains(train.Errors, line => line.Contains("could not save step 5", StringComparison.Ordinal));
        Assert.Equal(12, train.Json("step").Count);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static List<string?> Hashes(CrossnodeProcess process) =>
        [.. process.Json("summary").Single().GetProperty("members").EnumerateArray().Select(member => member.GetProperty("stateHash").GetString())];

    private static double HeldOut(CrossnodeProcess process) => process.Json("summary").Single().GetProperty("heldOutLoss").GetDouble();

    // Local steps are told by whoever comes first, with its own loss; exchanged ones are the same on all.
    private static List<(int Step, double Loss)> Losses(CrossnodeProcess process) =>
    [
        .. process.Json("step").Where(step => step.GetProperty("members").GetArrayLength() > 0)
            .Select(step => (step.GetProperty("step").GetInt32(), step.GetProperty("loss").GetDouble())),
    ];

    private void RefusedFlags(string sentence, params string[] flags)
    {
        using var process = Refused(sentence, flags);
        Assert.Equal(ExitCodes.Usage, process.ExitCode);
        Assert.Single(process.Errors);
    }

    private CrossnodeProcess Refused(string sentence, params string[] flags)
    {
        var folder = Path.Combine(_folder, "refused");
        var process = CrossnodeProcess.Start(["train", .. flags, "--out", folder]).WaitForExit();
        Assert.True(process.ExitCode is ExitCodes.Failure or ExitCodes.Usage, process.All());
        Assert.Contains(sentence, process.All(), StringComparison.Ordinal);
        Assert.DoesNotContain(process.Errors, line => line.TrimStart().StartsWith("at ", StringComparison.Ordinal));
        Assert.False(Directory.Exists(folder), process.All());
        return process;
    }

    private CrossnodeProcess Resume(string from, string name, params string[] more) =>
        CrossnodeProcess.Start(["train", "--resume", Path.Combine(_folder, from), "--out", Path.Combine(_folder, name), "--json", .. more]);

    private CrossnodeProcess Train(string name, int steps, string strategy, params string[] more) => CrossnodeProcess.Start(
    [
        "train", .. TinyTraining.Flags(Text, Path.Combine(_folder, name), workers: 2, steps,
            ["--json", "--strategy", strategy, .. strategy == "diloco" ? (string[])["--synchronous-steps", "20", "--sync-every", "20"] : [], "--evaluate-every", "50", .. more]),
    ]);
}
