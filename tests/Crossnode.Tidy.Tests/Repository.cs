using System.Xml.Linq;

namespace Crossnode.Tidy.Tests;

/// <summary>The files of the checkout that these tests belong to, without what builds and runs leave behind.</summary>
internal static class Repository
{
    private static readonly HashSet<string> SkippedFolders =
        [".git", ".vs", ".idea", "artifacts", "bin", "obj", "runs", "shared", "TestResults", "BenchmarkDotNet.Artifacts"];

    public static string Root { get; } = FindRoot();

    /// <summary>Paths from the root with forward slashes, in a fixed order.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. Walk(Root).Order(StringComparer.Ordinal)];

    /// <summary>The source files below a folder of the root.</summary>
    public static IEnumerable<string> Sources(string folder) =>
        Files.Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal)
            && path.EndsWith(".cs", StringComparison.Ordinal));

    public static byte[] Bytes(string path) => File.ReadAllBytes(Path.Combine(Root, path));

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>Says where a pattern occurs, as FILE:LINE, so that the failure can be clicked.</summary>
    public static string Locate(string path, string text, int index) =>
        $"{path}:{text.AsSpan(0, index).Count('\n') + 1}";

    /// <summary>The projects of a folder with the names of the projects that they reference.</summary>
    public static IReadOnlyList<ProjectFile> Projects(string folder) =>
    [
        .. Files.Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal)
                && path.EndsWith(".csproj", StringComparison.Ordinal))
            .Select(path => ProjectFile.Parse(path, Text(path))),
    ];

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            yield return Path.GetRelativePath(Root, file).Replace('\\', '/');
        }

        foreach (var inner in Directory.EnumerateDirectories(folder))
        {
            if (!SkippedFolders.Contains(Path.GetFileName(inner)) && !File.GetAttributes(inner).HasFlag(FileAttributes.ReparsePoint))
            {
                foreach (var file in Walk(inner))
                {
                    yield return file;
                }
            }
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Crossnode.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException(
            $"no folder above {AppContext.BaseDirectory} holds Crossnode.slnx: run these tests from a checkout");
    }
}

/// <summary>What a project file says about other projects and packages.</summary>
internal sealed record ProjectFile(string Path, string Name, IReadOnlyList<string> References, IReadOnlyList<string> Packages)
{
    public static ProjectFile Parse(string path, string xml)
    {
        var root = XDocument.Parse(xml).Root!;
        return new ProjectFile(
            path,
            NameOf(path),
            [.. Includes(root, "ProjectReference").Select(NameOf)],
            [.. Includes(root, "PackageReference")]);
    }

    private static IEnumerable<string> Includes(XElement root, string item) =>
        root.Descendants().Where(e => e.Name.LocalName == item).Select(e => (string?)e.Attribute("Include")).OfType<string>();

    private static string NameOf(string path) => System.IO.Path.GetFileNameWithoutExtension(path.Replace('\\', '/'));
}
