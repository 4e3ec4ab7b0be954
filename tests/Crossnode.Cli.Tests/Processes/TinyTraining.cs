using System.Text;
using Crossnode.Cli.Training;
using Crossnode.Core;

namespace Crossnode.Cli.Tests.Processes;

/// <summary>A training that takes seconds: a tiny model, and a text that is easy to learn.</summary>
internal static class TinyTraining
{
    private static string LibtorchOfCli => Path.Combine(
        Path.GetDirectoryName(CrossnodeProcess.Executable("Crossnode.Cli", "crossnode"))!,
        "runtimes", TorchLibrary.PortableIdentifier(), "native", OperatingSystem.IsWindows() ? "LibTorchSharp.dll" : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib" : "libLibTorchSharp.so");

    /// <summary>Skips a test where training is impossible.</summary>
    public static void SkipWithoutTorch() =>
        Assert.SkipWhen(TorchLibrary.Find() is null && !File.Exists(LibtorchOfCli), $"there is no native libtorch for {TorchLibrary.PortableIdentifier()}");

    /// <summary>Flags of crossnode train.</summary>
    public static string[] Flags(string text, string folder, int workers, int steps, params string[] more) =>
    [
        "--workers", $"{workers}", "--steps", $"{steps}", "--data", text, "--out", folder,
        "--layers", "1", "--heads", "2", "--width", "16", "--context", "16", "--micro-batch", "4", "--micro-batches-per-step", "6",
        "--warmup-steps", "2", "--evaluate-bytes", "512", "--sample-bytes", "20",
        .. more.Contains("--evaluate-every") ? [] : (string[])["--evaluate-every", "10"],
        .. more.Contains("--learning-rate") ? [] : (string[])["--learning-rate", "0.02"],
        .. more,
    ];

    /// <summary>Words from a small vocabulary: easy to learn, the same everywhere.</summary>
    public static string MadeUpText(ulong seed = 1)
    {
        string[] words = ["member", "view", "step", "ring", "token", "leaves", "joins", "sends", "the", "a", "every", "never"];
        var random = new DeterministicRandom(seed);
        var text = new StringBuilder();
        while (text.Length < 60_000)
        {
            text.Append(words[random.NextInt32(words.Length)]).Append(random.NextInt32(8) == 0 ? ".\n" : " ");
        }
        return text.ToString();
    }
}
