using System.Diagnostics;

namespace Crossnode.NativeMend.Tests;

/// <summary>Builds and publishes a tiny program whose output holds the library, as TorchSharp's package would put it there.</summary>
[Trait("tier", "integration")]
public sealed class TargetsTests : IDisposable
{
    private static readonly DateTime Modified = new(2021, 3, 4, 5, 6, 7, DateTimeKind.Utc);
    private readonly Folder _folder = new();
    private readonly byte[] _original = ElfFile.Needing(VersionMend.Library, VersionMend.Version);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("libLibTorchSharp.so")]
    [InlineData("runtimes/linux-x64/native/libLibTorchSharp.so")]
    public void Build_and_publish_mend_their_copies_and_the_next_build_keeps_them(string place)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has this library.");
        var source = WriteProject(place);
        var output = Path.Combine(_folder.Path, "out", place);
        var published = Path.Combine(_folder.Path, "published", place);

        Dotnet("build", "-o", "out");
        AssertMended(output, travels: false);
        Dotnet("build", "-o", "out", "--no-restore");
        AssertMended(output, travels: false);
        Dotnet("publish", "-o", "published", "--no-restore");
        AssertMended(published, travels: true);

        Assert.Equal(_original, File.ReadAllBytes(source));
    }

    // A copy that travels is mended whatever this system has.
    private void AssertMended(string path, bool travels)
    {
        var expected = (byte[])_original.Clone();
        expected[ElfFile.FlagsOffset(0)] = !travels && SystemHasVersion() ? (byte)0 : (byte)2;
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Equal(Modified, File.GetLastWriteTimeUtc(path));
    }

    private static bool SystemHasVersion()
    {
        var system = SystemLibraries.Find(VersionMend.Library, ElfFile.X64, SystemLibraries.LoaderDirectories(null));
        return system is null || SymbolVersions.DefinedBy(new ElfImage(File.ReadAllBytes(system))).Contains(VersionMend.Version);
    }

    private string WriteProject(string place)
    {
        var source = _folder.Write("package/libLibTorchSharp.so", _original);
        File.SetLastWriteTimeUtc(source, Modified);
        File.WriteAllText(Path.Combine(_folder.Path, "Program.cs"), "return;");
        File.WriteAllText(Path.Combine(_folder.Path, "Tiny.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <CrossnodeNativeMendAssembly>{typeof(MendNativeLibraries).Assembly.Location}</CrossnodeNativeMendAssembly>
                <EnableDefaultNoneItems>false</EnableDefaultNoneItems>
              </PropertyGroup>
              <ItemGroup>
                <None Include="package/libLibTorchSharp.so" Link="{place}" CopyToOutputDirectory="PreserveNewest" />
              </ItemGroup>
              <Import Project="{Folder.Metadata("TargetsFile")}" />
            </Project>
            """);
        return source;
    }

    private void Dotnet(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [.. arguments, "-nodeReuse:false"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
        };
        // A build that runs this test leaves variables that would lead the inner one to its own SDK and project.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, text);
    }
}
