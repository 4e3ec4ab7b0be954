using System.IO.Enumeration;
using Crossnode.Core.Errors;

namespace Crossnode.Models.Text;

/// <summary>The user's own text: files, folders and patterns with *, ? and **.</summary>
internal static class TextFiles
{
    private static readonly char[] Wildcards = ['*', '?'];

    /// <summary>Reads every file that a pattern names, each once, in the order of their paths.</summary>
    /// <exception cref="InputException">A pattern names no file, or a file cannot be read.</exception>
    public static List<Document> Read(IEnumerable<string> patterns)
    {
        var paths = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var pattern in patterns)
        {
            paths.UnionWith(Found(pattern));
        }
        return [.. paths.Select(ReadOne)];
    }

    /// <summary>Counts the bytes of files until there are enough; at least one file of each pattern is opened.</summary>
    /// <exception cref="InputException">A pattern names no file, or a file cannot be read.</exception>
    public static long CountUpTo(long enough, IEnumerable<string> patterns)
    {
        var counted = new HashSet<string>(StringComparer.Ordinal);
        var bytes = 0L;
        foreach (var pattern in patterns)
        {
            foreach (var path in Found(pattern))
            {
                if (counted.Add(path))
                {
                    bytes += LengthOf(path);
                }
                if (bytes >= enough)
                {
                    break;
                }
            }
        }
        return bytes;
    }

    // At least one file; a folder that may not be listed is as good as a file that may not be read.
    private static IEnumerable<string> Found(string pattern)
    {
        IEnumerator<string> files;
        try
        {
            files = Expand(pattern).GetEnumerator();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(pattern, e);
        }
        using (files)
        {
            if (!Next(files, pattern))
            {
                throw new InputException($"--data {pattern} names no file: check the path, and put patterns in quotation marks.");
            }
            do
            {
                yield return files.Current;
            }
            while (Next(files, pattern));
        }
    }

    private static bool Next(IEnumerator<string> files, string pattern)
    {
        try
        {
            return files.MoveNext();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(pattern, e);
        }
    }

    private static long LengthOf(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return file.CanSeek ? file.Length : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static InputException Unreadable(string path, Exception e) => new($"--data: {path} cannot be read: {e.Message}", e);

    /// <summary>Lists the files that a file name, a folder (all below it) or a pattern names.</summary>
    internal static IEnumerable<string> Expand(string pattern)
    {
        if (File.Exists(pattern))
        {
            return [Path.GetFullPath(pattern)];
        }
        if (Directory.Exists(pattern))
        {
            return Directory.EnumerateFiles(Path.GetFullPath(pattern), "*", SearchOption.AllDirectories);
        }
        if (pattern.IndexOfAny(Wildcards) < 0)
        {
            return [];
        }
        var full = Path.GetFullPath(pattern).Replace('\\', '/');
        var root = full[..(full.LastIndexOf('/', full.IndexOfAny(Wildcards)) + 1)];
        var segments = full[root.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries);
        return Directory.Exists(root) ? Match(root, segments) : [];
    }

    private static IEnumerable<string> Match(string folder, ReadOnlyMemory<string> segments)
    {
        var first = segments.Span[0];
        var rest = segments[1..];
        if (first == "**")
        {
            var below = Directory.EnumerateDirectories(folder).SelectMany(d => Match(d, segments));
            return rest.IsEmpty ? Directory.EnumerateFiles(folder).Concat(below) : Match(folder, rest).Concat(below);
        }
        return rest.IsEmpty
            ? Directory.EnumerateFiles(folder).Where(f => Fits(first, f))
            : Directory.EnumerateDirectories(folder).Where(d => Fits(first, d)).SelectMany(d => Match(d, rest));
    }

    private static bool Fits(string segment, string path) =>
        FileSystemName.MatchesSimpleExpression(segment, Path.GetFileName(path), ignoreCase: OperatingSystem.IsWindows());

    private static Document ReadOne(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            var hash = Document.HashOf(bytes);
            return new Document(Path.GetRelativePath(Environment.CurrentDirectory, path), hash, hash.ToString("x32"), bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }
}
