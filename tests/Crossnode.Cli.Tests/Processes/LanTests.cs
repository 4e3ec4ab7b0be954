using System.Text.RegularExpressions;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>Goal: the README's three machines on a LAN, and a fourth whose firewall lets nobody in. Method: network namespaces with
/// addresses of their own, and the line that the first machine prints.</summary>
[Trait("tier", "integration")]
public sealed partial class LanTests : IDisposable
{
    private const int Endless = 1_000_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("crossnode-lan-").FullName;

    public LanTests() => TinyTraining.SkipWithoutTorch();

    private string Text => Path.Combine(_folder, "text.txt");

    [Fact]
    public void Three_machines_train_together_by_a_pasted_line_and_a_fourth_that_nobody_can_call_is_told_so()
    {
        var missing = NetworkLab.Missing();
        Assert.SkipUnless(missing is null || Environment.GetEnvironmentVariable("CROSSNODE_CI") is not null, missing ?? "");
        File.WriteAllText(Text, TinyTraining.MadeUpText());
        using var lab = new NetworkLab(4);
        using var first = lab.Start(
            1, ["train", "--listen", "0.0.0.0:5000-5019", "--insecure", .. TinyTraining.Flags(Text, Path.Combine(_folder, "m1"), workers: 1, Endless, "--json")]);
        var line = first.WaitForLine("crossnode join");
        Assert.Contains($"crossnode join {NetworkLab.Address(1)}:5000 --run ", line, StringComparison.Ordinal);
        Assert.Contains("anybody who reaches it can join", first.WaitForLine("warning"), StringComparison.Ordinal);
        var pasted = Pasted().Match(line).Groups[1].Value.Split(' ');
        first.WaitForLine("\"step\":5,");

        using var second = Join(lab, 2, pasted);
        using var third = Join(lab, 3, pasted);
        second.WaitForLine("\"kind\":\"level\"");
        third.WaitForLine("\"kind\":\"level\"");
        Assert.Contains($"listens at {NetworkLab.Address(3)}:", third.WaitForLine("has reached the coordinator"), StringComparison.Ordinal);
        first.WaitForLine("\"members\":[0,1,2],\"attempts\"");

        lab.BlockCallsTo(4);
        using var fourth = Join(lab, 4, pasted);
        var notice = fourth.WaitForLine("can be called by no other member");
        Assert.Contains($"at {NetworkLab.Address(4)}:", notice, StringComparison.Ordinal);
        Assert.All((int[])[0, 1, 2], member => Assert.Contains($"member {member}", notice, StringComparison.Ordinal));
        fourth.WaitForLine("\"kind\":\"level\"");
        first.WaitForLine("\"members\":[0,1,2,3],\"attempts\"");

        foreach (var machine in (CrossnodeProcess[])[fourth, third, second, first])
        {
            machine.Signal(Signals.Terminate);
        }
        Assert.All((CrossnodeProcess[])[fourth, third, second, first], machine => Assert.True(
            machine.WaitForExit().ExitCode == ExitCodes.Interrupted, machine.All()));
    }

    [Fact]
    public void Other_machine_is_not_called_without_the_flag_that_affirms_it()
    {
        using var join = CrossnodeProcess.Start("join", "192.0.2.1:5000", "--run", "00000000000000000000000000000001").WaitForExit();
        Assert.Equal(ExitCodes.Usage, join.ExitCode);
        Assert.Contains("add --insecure on a network that you trust", join.Errors[^1], StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private CrossnodeProcess Join(NetworkLab lab, int machine, string[] pasted) =>
        lab.Start(machine, ["join", .. pasted, "--data", Text, "--out", Path.Combine(_folder, $"m{machine}"), "--json"]);

    [GeneratedRegex("crossnode join (.*)$")]
    private static partial Regex Pasted();
}
