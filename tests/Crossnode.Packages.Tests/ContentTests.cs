using System.IO.Compression;
using System.Xml.Linq;

namespace Crossnode.Packages.Tests;

/// <summary>What lies in the packages.</summary>
[Trait("tier", "integration")]
public sealed class ContentTests(Feed feed)
{
    private const int Megabyte = 1_000_000;
    private static readonly string[] Symbols = [".pdb"], Natives = [".so", ".dylib"];

    /// <summary>The layers, which become libraries.</summary>
    public static TheoryData<string> Libraries => [.. Directory.EnumerateDirectories(Path.Combine(Metadata.Repository, "src"))
        .Select(folder => Path.GetFileName(folder)!)
        .Where(name => name is not ("Crossnode.Cli" or "Crossnode.NativeMend"))];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Library_is_assembly_and_documentation_with_its_symbols_beside(string name)
    {
        using var package = Open(name);
        Assert.Equal([$"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml"], Files(package));
        using var symbols = Open(name, ".snupkg");
        Assert.Equal([$"lib/net10.0/{name}.pdb"], Files(symbols));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Library_depends_on_the_layers_that_its_project_references(string name)
    {
        var project = XDocument.Load(Path.Combine(Metadata.Repository, "src", name, $"{name}.csproj"));
        var layers = project.Descendants("ProjectReference").Select(e => Path.GetFileNameWithoutExtension((string)e.Attribute("Include")!));
        var carriesTorch = project.Descendants("PackageReference").Any(e => (string?)e.Attribute("Include") == "TorchSharp");
        string[] expected = [.. layers, .. carriesTorch ? (string[])["Crossnode.NativeMend"] : []];

        using var package = Open(name);
        var dependencies = Specification(package).Descendants().Where(e => e.Name.LocalName == "dependency")
            .Where(e => ((string)e.Attribute("id")!).StartsWith("Crossnode.", StringComparison.Ordinal)).ToList();
        Assert.Equal(expected.Order(), dependencies.Select(e => (string)e.Attribute("id")!).Order());
        Assert.All(dependencies, e => Assert.Equal(Metadata.Version, (string?)e.Attribute("version")));
    }

    [Fact]
    public void Mend_is_a_target_for_all_who_depend_on_it_and_no_library()
    {
        using var package = Open("Crossnode.NativeMend");
        Assert.Equal(["buildTransitive/Crossnode.NativeMend.targets", "tasks/net10.0/Crossnode.NativeMend.dll"], Files(package));
    }

    [Fact]
    public void Every_package_says_what_it_is_and_under_which_licence()
    {
        var packages = Directory.GetFiles(feed.Packages, "*.nupkg");
        Assert.Equal(Libraries.Count + 1 + (Feed.IsLinuxX64 ? 3 : 2), packages.Length);
        Assert.All(packages, path =>
        {
            using var package = ZipFile.OpenRead(path);
            var said = Specification(package).Descendants().ToLookup(e => e.Name.LocalName, e => e.Value);
            Assert.Equal("MIT", Assert.Single(said["license"]));
            Assert.Equal("README.md", Assert.Single(said["readme"]));
            Assert.Equal(Metadata.Version, Assert.Single(said["version"]));
            Assert.NotEqual("Package Description", Assert.Single(said["description"]));
            Assert.NotNull(package.GetEntry("README.md"));
        });
    }

    [Fact]
    public void Tool_carries_libtorch_and_licences_where_it_can_and_no_native_library_elsewhere()
    {
        Assert.SkipUnless(Feed.Missing is null, Feed.Missing ?? "");
        using var linux = Open("crossnode.linux-x64");
        var files = Files(linux).ToList();
        Assert.Contains("tools/net10.0/linux-x64/libtorch_cpu.so", files);
        Assert.Contains(files, f => f.EndsWith("/LICENSE-LIBTORCH.txt", StringComparison.Ordinal));
        Assert.DoesNotContain(files, f => Symbols.Contains(Path.GetExtension(f)));
        Assert.InRange(Size("crossnode.linux-x64"), 0, 200 * Megabyte);

        using var any = Open("crossnode.any");
        Assert.DoesNotContain(Files(any), f => Natives.Contains(Path.GetExtension(f)) || Symbols.Contains(Path.GetExtension(f)));
        Assert.InRange(Size("crossnode.any"), 0, 10 * Megabyte);
    }

    [Fact]
    public void Snippet_of_the_readme_is_taken_from_the_program_that_is_tested()
    {
        var program = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "App", "Program.cs")).Select(l => l.Trim()).ToHashSet();
        var snippet = File.ReadAllText(Path.Combine(Metadata.Repository, "eng", "package-readme.md")).Split("```csharp\n")[1].Split("```")[0];
        var lines = snippet.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(l => l != "// ...").ToList();
        Assert.NotEmpty(lines);
        Assert.Subset(program, lines.ToHashSet());
    }

    private string PathOf(string id, string extension = ".nupkg") => Path.Combine(feed.Packages, $"{id}.{Metadata.Version}{extension}");

    private ZipArchive Open(string id, string extension = ".nupkg") => ZipFile.OpenRead(PathOf(id, extension));

    private long Size(string id) => new FileInfo(PathOf(id)).Length;

    private static XDocument Specification(ZipArchive package)
    {
        using var stream = package.Entries.Single(e => e.FullName == e.Name && e.Name.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        return XDocument.Load(stream);
    }

    // Without what packing itself adds.
    private static IEnumerable<string> Files(ZipArchive package) =>
        from entry in package.Entries
        let name = entry.FullName
        where name.Contains('/', StringComparison.Ordinal)
        where !name.StartsWith("_rels/", StringComparison.Ordinal) && !name.StartsWith("package/", StringComparison.Ordinal)
        orderby name
        select name;
}
