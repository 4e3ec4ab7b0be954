namespace Crossnode.NativeMend;

/// <summary>Finds a shared library where the loader would.</summary>
internal static class SystemLibraries
{
    private static readonly string[] TrustedDirectories =
    [
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
        "/lib64", "/usr/lib64", "/lib", "/usr/lib",
    ];

    /// <summary>Returns the first library of that name for that processor, or null.</summary>
    public static string? Find(string name, ushort machine, IEnumerable<string> directories)
    {
        foreach (var directory in directories)
        {
            var path = Path.Combine(directory, name);
            if (File.Exists(path) && IsFor(path, machine))
            {
                return path;
            }
        }
        return null;
    }

    /// <summary>Lists the loader's folders in its order: LD_LIBRARY_PATH, ld.so.conf, the built-in ones.</summary>
    public static IEnumerable<string> LoaderDirectories(string? libraryPath, string configuration = "/etc/ld.so.conf")
    {
        var fromEnvironment = (libraryPath ?? "").Split(':', ';').Where(Path.IsPathRooted);
        return fromEnvironment.Concat(FromConfiguration(configuration, depth: 0)).Concat(TrustedDirectories).Distinct();
    }

    private static IEnumerable<string> FromConfiguration(string file, int depth)
    {
        const int DeepestInclude = 8;
        if (depth > DeepestInclude || !File.Exists(file))
        {
            yield break;
        }
        foreach (var text in File.ReadLines(file))
        {
            var line = text.Split('#')[0].Trim();
            if (line.StartsWith("include ", StringComparison.Ordinal))
            {
                foreach (var included in Included(line["include ".Length..].Trim(), file))
                {
                    foreach (var directory in FromConfiguration(included, depth + 1))
                    {
                        yield return directory;
                    }
                }
            }
            else if (Path.IsPathRooted(line))
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<string> Included(string pattern, string includer)
    {
        var full = Path.Combine(Path.GetDirectoryName(includer) ?? "/", pattern);
        var directory = Path.GetDirectoryName(full);
        return Directory.Exists(directory)
            ? Directory.EnumerateFiles(directory, Path.GetFileName(full)).Order(StringComparer.Ordinal)
            : [];
    }

    private static bool IsFor(string path, ushort machine)
    {
        try
        {
            return new ElfImage(File.ReadAllBytes(path)).Machine == machine;
        }
        catch (Exception e) when (e is ElfFormatException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
