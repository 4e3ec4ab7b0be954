using System.Diagnostics;

namespace Crossnode.Torch.Tests.Binding;

/// <summary>Members that come, leave and die while others train, each a process; a few runs of what the bench does by the hundred.</summary>
[Trait("tier", "integration")]
public sealed class ChaosTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [TorchTheory]
    [InlineData("chaos --runs 2")]
    [InlineData("churn --runs 1 --joins 6")]
    public async Task Members_come_and_die_and_the_others_end_with_the_right_values(string arguments)
    {
        // artifacts/bin/PROJECT/CONFIGURATION
        var here = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var program = Path.Combine(
            here.Parent!.Parent!.FullName,
            "Crossnode.JoinBench",
            here.Name,
            "Crossnode.JoinBench" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        using var late = new CancellationTokenSource(Patience);
        var output = process.StandardOutput.ReadToEndAsync(late.Token);
        var errors = process.StandardError.ReadToEndAsync(late.Token);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{arguments} did not end within {Patience.TotalMinutes} minutes");
        }

        Assert.True(process.ExitCode == 0, await output + await errors);
    }
}
