using System.Diagnostics;
using System.Globalization;

namespace Crossnode.Integration.Tests;

/// <summary>Goal: one bad link between two live members costs a link, not a member. Method: three real processes in a
/// network namespace of their own; a packet filter drops, without a word, what goes over the one link to member 1's
/// listener, which is the one from member 2 (the higher rank dials).</summary>
[Trait("tier", "integration")]
public sealed class CutLinkTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Cut_link_of_three_leaves_all_three_going_and_is_named()
    {
        var missing = Missing();
        Assert.SkipUnless(missing is null || Environment.GetEnvironmentVariable("CROSSNODE_CI") is not null, missing ?? "");
        var name = $"xn{Environment.ProcessId}";
        Shell("ip", "netns", "add", name);
        try
        {
            Shell("ip", "netns", "exec", name, "ip", "link", "set", "lo", "up");
            CutInside(name);
        }
        finally
        {
            Shell("ip", "netns", "del", name);
        }
    }

    private static void CutInside(string name)
    {
        using var coordinator = new WorkerProcess(-1, ["coordinator", "3", "3"], name);
        Assert.True(coordinator.WaitForLine(line => line.StartsWith("serves ", StringComparison.Ordinal), Patience));
        var serves = coordinator.Lines.First(line => line.StartsWith("serves ", StringComparison.Ordinal)).Split(' ');
        var workers = Enumerable.Range(0, 3).Select(number => new WorkerProcess(
            number,
            [serves[1], serves[2], number.ToString(CultureInfo.InvariantCulture), "1000000", "20000", "out", "3", "tcp"],
            name)).ToList();
        try
        {
            Assert.True(workers[1].WaitForLine(line => line.StartsWith("ok 20 ", StringComparison.Ordinal), Patience));
            var port = workers[1].Lines.First(line => line.StartsWith("listens ", StringComparison.Ordinal)).Split(':')[^1];
            Shell("ip", "netns", "exec", name, "nft", "add table inet cut");
            Shell("ip", "netns", "exec", name, "nft", "add chain inet cut out { type filter hook output priority 0; }");
            Shell("ip", "netns", "exec", name, "nft", $"add rule inet cut out tcp dport {port} drop");
            Shell("ip", "netns", "exec", name, "nft", $"add rule inet cut out tcp sport {port} drop");

            var report = () => string.Join(
                Environment.NewLine, coordinator.Lines.Concat(workers.SelectMany(worker => worker.Lines.TakeLast(5))));
            Assert.True(
                coordinator.WaitForLine(
                    line => line.Contains("link between member 1 and member 2 is broken", StringComparison.Ordinal)
                        || line.Contains("link between member 2 and member 1 is broken", StringComparison.Ordinal),
                    Patience),
                report());
            foreach (var worker in workers)
            {
                // The same three members in a later view, and results in it.
                Assert.True(
                    worker.WaitForLine(line => line.StartsWith("view ", StringComparison.Ordinal)
                        && !line.StartsWith("view 1 ", StringComparison.Ordinal) && line.EndsWith(" 0,1,2", StringComparison.Ordinal), Patience),
                    report());
                var seen = worker.Lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal));
                Assert.True(
                    worker.WaitForLine(
                        _ => worker.Lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal)) > seen + 20, Patience),
                    report());
                Assert.DoesNotContain(worker.Lines, line => line.StartsWith("WRONG", StringComparison.Ordinal));
            }
        }
        finally
        {
            workers.ForEach(worker => worker.Dispose());
        }
    }

    private static string? Missing()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            return "needs Linux and root, for a network namespace";
        }

        return new[] { "ip", "nft" }.FirstOrDefault(tool => !File.Exists($"/usr/sbin/{tool}") && !File.Exists($"/sbin/{tool}")) is { } tool
            ? $"needs {tool} (Debian packages iproute2 and nftables)"
            : null;
    }

    private static void Shell(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {error}");
    }
}
