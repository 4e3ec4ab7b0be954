namespace Crossnode.Packages.Tests;

/// <summary>The tool, installed from a folder.</summary>
[Trait("tier", "integration")]
public sealed class ToolTests(Feed feed)
{
    [Fact]
    public void Tool_trains_in_an_empty_folder()
    {
        Assert.SkipUnless(Feed.Missing is null, Feed.Missing ?? "");
        var tool = feed.Tool;
        var folder = feed.NewFolder("empty");

        var text = Command.Run(
            folder, tool,
            "train", "--steps", "5", "--workers", "2", "--layers", "1", "--width", "16", "--micro-batch", "2", "--micro-batches-per-step", "2",
            "--warmup-steps", "0", "--evaluate-every", "0", "--sample-bytes", "50", "--plain");

        Assert.Contains("after 5 steps", text, StringComparison.Ordinal);
        var written = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        Assert.Equal(["loss.png", "loss.svg", "metrics.jsonl", "model.safetensors", "sample.txt"], written);
    }
}
