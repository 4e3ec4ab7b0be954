using System.Text;
using System.Text.RegularExpressions;

namespace Crossnode.Docs.Tests;

/// <summary>Links within the documentation lead somewhere.</summary>
[Trait("tier", "unit")]
public sealed partial class LinkTests
{
    [Fact]
    public void Relative_links_lead_to_files_that_exist()
    {
        var dead =
            from page in Documents.Pages
            from Match link in Link().Matches(Documents.Text(page))
            let target = link.Groups["target"].Value
            where !target.Contains("://", StringComparison.Ordinal) && !Leads(page, target)
            select $"{page}: {target}";
        Assert.Empty(dead);
    }

    [Theory]
    [InlineData("## Exit codes", "exit-codes")]
    [InlineData("### What it writes", "what-it-writes")]
    [InlineData("# A `b`, and c", "a-b-and-c")]
    public void Headings_have_the_anchors_that_readers_of_Markdown_give_them(string heading, string anchor) =>
        Assert.Contains(anchor, Anchors(heading + "\n"));

    private static bool Leads(string page, string target)
    {
        var parts = target.Split('#', 2);
        var folder = Path.GetDirectoryName(page) ?? "";
        var path = parts[0].Length == 0 ? page : Path.Combine(folder, parts[0]);
        return Documents.Exists(path) && (parts.Length == 1 || Anchors(Documents.Text(path)).Contains(parts[1]));
    }

    private static HashSet<string> Anchors(string text) => [.. Heading().Matches(text).Select(m => Anchor(m.Groups["text"].Value))];

    private static string Anchor(string heading)
    {
        var anchor = new StringBuilder();
        foreach (var c in heading.ToLowerInvariant())
        {
            anchor.Append(char.IsAsciiLetterOrDigit(c) || c == '-' ? c.ToString() : c == ' ' ? "-" : "");
        }

        return anchor.ToString();
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ (?<text>.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
