using System.Globalization;
using System.Text.RegularExpressions;

namespace Crossnode.Packages.Tests;

/// <summary>A program outside the repository, with nothing but the packages, a native libtorch and the tool.</summary>
[Trait("tier", "integration")]
public sealed partial class ProgramTests(Feed feed)
{
    private const string Native = "libLibTorchSharp.so";

    [Fact]
    public void Program_that_uses_the_packages_trains_on_two_processes_built_and_published()
    {
        Assert.SkipUnless(Feed.Missing is null, Feed.Missing ?? "");
        var app = WriteApp();

        Command.Run(app, Command.Dotnet, "build", "-c", "Release", "-o", "built");
        AssertTrains(Command.Run(app, feed.Tool, "run", "--workers", "2", "--", Command.Dotnet, "built/App.dll"));

        Directory.Delete(Path.Combine(app, "built"), recursive: true);
        Command.Run(app, Command.Dotnet, "publish", "-c", "Release", "-r", "linux-x64", "--self-contained", "false", "-o", "published");
        AssertMended(Path.Combine(app, "published", Native));
        AssertTrains(Command.Run(app, feed.Tool, "run", "--workers", "2", "--", "published/App"));
    }

    private string WriteApp()
    {
        _ = feed.Packages;
        var app = feed.NewFolder("app");
        File.Copy(Path.Combine(AppContext.BaseDirectory, "App", "Program.cs"), Path.Combine(app, "Program.cs"));
        // Links instead of copies: 480 MB of natives, twice.
        File.WriteAllText(Path.Combine(app, "App.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
                <CreateHardLinksForCopyLocalIfPossible>true</CreateHardLinksForCopyLocalIfPossible>
                <CreateHardLinksForPublishFilesIfPossible>true</CreateHardLinksForPublishFilesIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Crossnode.TorchSharp" Version="{Metadata.Version}" />
                <PackageReference Include="libtorch-cpu-linux-x64" Version="{Feed.VersionOf("libtorch-cpu-linux-x64")}" />
              </ItemGroup>
            </Project>
            """);
        return app;
    }

    // Fifty steps of each of the two, the same mean losses, which fall, and the same parameters at the end.
    private static void AssertTrains(string text)
    {
        var losses = Steps().Matches(text).ToLookup(
            m => m.Groups["worker"].Value, m => double.Parse(m.Groups["loss"].Value, CultureInfo.InvariantCulture));
        Assert.Equal(["0", "1"], losses.Select(l => l.Key).Order());
        Assert.Equal(50, losses["0"].Count());
        Assert.Equal(losses["0"], losses["1"]);
        Assert.InRange(losses["0"].TakeLast(5).Average(), 0, losses["0"].Take(5).Average() / 4);

        var digests = Digests().Matches(text);
        Assert.Equal(2, digests.Count);
        Assert.Single(digests.Select(m => m.Groups["digest"].Value).Distinct());
    }

    // What is published may run elsewhere, so its copy is mended on every system; the package's own stays as it was.
    private static void AssertMended(string published)
    {
        var package = Path.Combine(
            Metadata.PackageFolder, "torchsharp", Feed.VersionOf("TorchSharp"), "runtimes", "linux-x64", "native", Native);
        var (original, mended) = (File.ReadAllBytes(package), File.ReadAllBytes(published));
        Assert.Equal(original.Length, mended.Length);
        Assert.Equal((0, 2), Assert.Single(original.Zip(mended).Where(b => b.First != b.Second).Select(b => ((int)b.First, (int)b.Second))));
    }

    [GeneratedRegex(@"^\[(?<worker>\d)\] step \d+ loss (?<loss>\S+)", RegexOptions.Multiline)]
    private static partial Regex Steps();

    [GeneratedRegex(@"^\[\d\] parameters (?<digest>[0-9a-f]{32})", RegexOptions.Multiline)]
    private static partial Regex Digests();
}
