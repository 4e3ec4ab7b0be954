using System.Runtime.InteropServices;
using System.Text;
using Crossnode.Core.Errors;

namespace Crossnode.Models.Text;

/// <summary>The default corpus: prose of the XML documentation that ships with the .NET SDK.</summary>
internal static class SdkDocumentation
{
    private static readonly string[] Folders = ["packs", "sdk"];

    /// <summary>Folders that may be the root of the .NET installation in use, likeliest first.</summary>
    public static IReadOnlyList<string> Roots()
    {
        var runtime = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var host = Path.GetDirectoryName(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH"));
        return [.. new[] { runtime, host, Environment.GetEnvironmentVariable("DOTNET_ROOT") }.Where(r => !string.IsNullOrEmpty(r)).Distinct()!];
    }

    /// <summary>Reads the documentation below the first of the roots that has any.</summary>
    /// <exception cref="InputException">None has.</exception>
    public static List<Document> Read(IReadOnlyList<string> roots)
    {
        foreach (var root in roots)
        {
            var documents = ReadBelow(root);
            if (documents.Count > 0)
            {
                return documents;
            }
        }
        throw new InputException(
            $"The .NET SDK under {string.Join(" and ", roots)} has no XML documentation to learn from (SDKs built by Linux "
            + "distributions lack it): name text of your own with --data FILES-OR-GLOBS.");
    }

    private static List<Document> ReadBelow(string root)
    {
        var paths = Folders
            .Select(folder => Path.Combine(root, folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.xml", SearchOption.AllDirectories))
            .Order(StringComparer.Ordinal)
            .ToArray();
        var files = new byte[paths.Length][];
        var hashes = new UInt128[paths.Length];
        Parallel.For(0, paths.Length, i =>
        {
            files[i] = File.ReadAllBytes(paths[i]);
            hashes[i] = Document.HashOf(files[i]);
        });
        // Two packs hold a third of the bytes twice; a duplicate is only named, so it needs no text.
        var seen = new HashSet<UInt128>();
        var isFirst = hashes.Select(seen.Add).ToArray();
        var texts = new byte[paths.Length][];
        Parallel.For(0, paths.Length, i => texts[i] = isFirst[i] ? Prose(files[i]) : []);
        var withText = hashes.Where((_, i) => texts[i].Length > 0).ToHashSet();
        return [.. Enumerable.Range(0, paths.Length)
            .Where(i => withText.Contains(hashes[i]))
            .Select(i => new Document(
                Path.GetRelativePath(root, paths[i]).Replace('\\', '/'),
                hashes[i],
                // Several SDKs document one assembly in almost the same words: by its name all of them land on one side.
                Path.GetFileName(paths[i]),
                texts[i]))];
    }

    private static byte[] Prose(byte[] file)
    {
        var prose = new StringBuilder(file.Length / 2);
        return XmlProse.TryAppend(file, prose) ? Encoding.UTF8.GetBytes(prose.ToString()) : [];
    }
}
