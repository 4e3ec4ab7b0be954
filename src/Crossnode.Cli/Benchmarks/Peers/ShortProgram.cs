using System.Text;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Benchmarks.Peers;

/// <summary>Runs a program that soon ends by itself.</summary>
internal static class ShortProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    /// <summary>Runs it; its own temporary files go to the folder.</summary>
    /// <returns>null when it succeeded; else what it said last.</returns>
    public static async Task<string?> FailureAsync(string program, string[] arguments, string folder, TimeProvider time, CancellationToken cancellationToken)
    {
        var words = new LastWords();
        using var process = WorkerProcess.Start(
            0,
            new WorkerCommand(program, arguments),
            new Dictionary<string, string> { ["TMPDIR"] = folder },
            (_, line, isError) => words.Add(isError ? Encoding.UTF8.GetString(line) : ""),
            time);
        try
        {
            var exit = await process.Exit.WaitAsync(Patience, time, cancellationToken);
            return exit.ExitCode == 0 ? null : $"{program} {exit.Describe()}{words.Text()}";
        }
        catch (TimeoutException)
        {
            return $"{program} did not end within {Patience.TotalSeconds:0} s";
        }
        finally
        {
            process.Kill();
        }
    }
}
