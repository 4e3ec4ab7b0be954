using System.Runtime.InteropServices;
using System.Xml.Linq;

[assembly: AssemblyFixture(typeof(Crossnode.Packages.Tests.Feed))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Crossnode.Packages.Tests;

/// <summary>A temporary folder outside the repository with the packages, the installed tool, and a configuration that finds them.</summary>
public sealed class Feed : IDisposable
{
    private readonly Lazy<string> _root = new(() => Directory.CreateTempSubdirectory("crossnode-packages-").FullName);
    private readonly Lazy<string> _packages;
    private readonly Lazy<string> _tool;

    public Feed()
    {
        _packages = new(Pack);
        _tool = new(InstallTool);
    }

    /// <summary>The folder with the packages, made by the one command of the README.</summary>
    public string Packages => _packages.Value;

    /// <summary>The installed crossnode.</summary>
    public string Tool => _tool.Value;

    /// <summary>Why this machine cannot run the packages, unless it is there to run all tests.</summary>
    public static string? Missing => IsLinuxX64 || Environment.GetEnvironmentVariable("CROSSNODE_CI") is not null
        ? null
        : "The tool's package with libtorch is made and tested on Linux on x64.";

    /// <summary>Whether libtorch is packed for this system.</summary>
    public static bool IsLinuxX64 => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>The version of a package that the repository uses.</summary>
    public static string VersionOf(string package) =>
        XDocument.Load(Path.Combine(Metadata.Repository, "Directory.Packages.props")).Descendants("PackageVersion")
            .Single(e => (string?)e.Attribute("Include") == package).Attribute("Version")!.Value;

    /// <summary>Makes an empty folder beside the packages.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_root.Value, name)).FullName;

    public void Dispose()
    {
        if (_root.IsValueCreated)
        {
            Directory.Delete(_root.Value, recursive: true);
        }
    }

    private string Pack()
    {
        var packages = NewFolder("packages");
        Command.Run(Metadata.Repository, Command.Dotnet, "pack", "-c", "Release", "-v", "q", "-o", packages);
        Configure();
        return packages;
    }

    // The machine's own sources stay, and one is added. Packages of an earlier version of these sources, which have the same
    // number, must not come from the machine's cache; all others may, so that nothing is fetched or unpacked again.
    private void Configure()
    {
        var others = NewFolder("others");
        foreach (var folder in Directory.EnumerateDirectories(Metadata.PackageFolder))
        {
            var name = Path.GetFileName(folder);
            if (!name.StartsWith("crossnode", StringComparison.Ordinal))
            {
                Directory.CreateSymbolicLink(Path.Combine(others, name), folder);
            }
        }
        File.WriteAllText(Path.Combine(_root.Value, "nuget.config"), """
            <configuration>
              <config>
                <add key="globalPackagesFolder" value="cache" />
              </config>
              <fallbackPackageFolders>
                <add key="others" value="others" />
              </fallbackPackageFolders>
              <packageSources>
                <add key="crossnode" value="packages" />
              </packageSources>
            </configuration>
            """);
    }

    private string InstallTool()
    {
        var folder = Path.Combine(_root.Value, "tool");
        Command.Run(
            _root.Value, Command.Dotnet,
            "tool", "install", "crossnode", "--version", Metadata.Version, "--tool-path", folder, "--source", Packages);
        return Path.Combine(folder, "crossnode");
    }
}
