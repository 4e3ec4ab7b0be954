using System.Text.RegularExpressions;

namespace Crossnode.Docs.Tests;

/// <summary>The Markdown of the checkout that these tests belong to.</summary>
internal static partial class Documents
{
    public static string Root { get; } = FindRoot();

    /// <summary>The pages at the root and below docs, as paths from the root with forward slashes.</summary>
    public static IReadOnlyList<string> Pages { get; } =
    [
        .. Directory.EnumerateFiles(Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    /// <summary>The table below a comment such as "enum: FrameType"; each row is its trimmed cells.</summary>
    public static IReadOnlyList<string[]> Table(string page, string marker)
    {
        var lines = Text(page).Split('\n');
        var at = Array.IndexOf(lines, $"<!-- {marker} -->");
        Assert.True(at >= 0, $"{page} has no table marked '{marker}'");
        return [.. lines.Skip(at + 3).TakeWhile(line => line.StartsWith('|')).Select(Cells)];
    }

    /// <summary>Everything that is marked with a kind, such as all names behind "enum: ".</summary>
    public static IReadOnlyList<string> Marked(string page, string kind) =>
        [.. Marker().Matches(Text(page)).Where(m => m.Groups["kind"].Value == kind).Select(m => m.Groups["name"].Value)];

    /// <summary>The lines of the code block below each comment of a kind, with the name in the comment.</summary>
    public static IEnumerable<(string Name, string[] Lines)> Blocks(string page, string kind) =>
        from Match match in Block().Matches(Text(page))
        where match.Groups["kind"].Value == kind
        select (match.Groups["name"].Value, match.Groups["code"].Value.TrimEnd('\n').Split('\n'));

    private static string[] Cells(string row) => [.. row.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];

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

    [GeneratedRegex(@"^<!-- (?<kind>\w+): (?<name>\S+) -->$", RegexOptions.Multiline)]
    private static partial Regex Marker();

    [GeneratedRegex(@"^<!-- (?<kind>\w+): (?<name>\S+) -->\n```\w+\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
