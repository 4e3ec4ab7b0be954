using System.Globalization;
using System.Runtime.InteropServices;
using Crossnode.Cli.Benchmarks.Processes;

namespace Crossnode.Cli.Benchmarks.Results;

/// <summary>The machine that numbers belong to, in words.</summary>
internal static class MachineText
{
    private const string Model = "model name";

    public static string Text { get; } = string.Create(
        CultureInfo.InvariantCulture,
        $"{RankProcess.CoreCount} cores of {Processor() ?? RuntimeInformation.ProcessArchitecture.ToString()}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");

    private static string? Processor()
    {
        try
        {
            return File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Model, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
        }
        catch (IOException)
        {
            // Systems other than Linux have no such file.
            return null;
        }
    }
}
