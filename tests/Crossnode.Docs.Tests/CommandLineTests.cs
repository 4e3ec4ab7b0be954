using System.Text.RegularExpressions;

namespace Crossnode.Docs.Tests;

/// <summary>The command line's page names every flag, key and exit code of the sources.</summary>
[Trait("tier", "unit")]
public sealed partial class CommandLineTests
{
    private const string Page = "docs/reference/cli.md";

    [Fact]
    public void Every_setting_is_documented_as_a_flag_and_in_train_as_a_key()
    {
        var text = Documents.Text(Page);
        var missing =
            from file in Sources()
            from Match setting in Setting().Matches(File.ReadAllText(file))
            let key = setting.Groups["key"].Value
            let isKey = Path.GetFileName(file) == "TrainSettings.cs"
            where !text.Contains($"`{Flag(key)}", StringComparison.Ordinal) || (isKey && !text.Contains($"`{key}`", StringComparison.Ordinal))
            select $"{Path.GetFileName(file)}: {Flag(key)}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_flag_and_command_is_documented()
    {
        var text = Documents.Text(Page);
        var missing =
            from file in Sources()
            let source = File.ReadAllText(file)
            where !source.Contains("Hidden = true", StringComparison.Ordinal)
            from Match named in Named().Matches(source)
            let name = named.Groups["name"].Value
            where !text.Contains($"`{name}", StringComparison.Ordinal)
            select $"{Path.GetFileName(file)}: {name}";
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_key_of_a_line_of_JSON_is_documented()
    {
        var text = Documents.Text(Page);
        var missing =
            from file in Sources()
            where Path.GetFileName(file) == "RunLines.cs"
            from Match property in Property().Matches(File.ReadAllText(file))
            let name = property.Groups["name"].Value
            let key = char.ToLowerInvariant(name[0]) + name[1..]
            where !text.Contains($"`{key}`", StringComparison.Ordinal)
            select key;
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_exit_code_is_documented()
    {
        var codes =
            from file in Sources()
            where Path.GetFileName(file) == "ExitCodes.cs"
            from Match code in ExitCode().Matches(File.ReadAllText(file))
            select $"{code.Groups["number"].Value} {code.Groups["name"].Value}";
        var documented = Documents.Table("docs/reference/errors.md", "enum: ExitCodes").Select(row => $"{row[0]} {row[1]}");
        Assert.Empty(codes.Except(documented));
    }

    private static IEnumerable<string> Sources()
    {
        var folder = Path.Combine(Documents.Root, "src", "Crossnode.Cli");
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories) : [];
    }

    private static string Flag(string key) => "--" + Capital().Replace(key, match => $"-{match.Value.ToLowerInvariant()}");

    [GeneratedRegex(@"Setting\.(Whole|Real|Text|Choice|List|Switch)\(\s*""(?<key>\w+)""")]
    private static partial Regex Setting();

    [GeneratedRegex(@"new( Command| Option<[^>]+>)?\(""(?<name>(?<=Command\("")[\w-]+|--[\w-]+)""")]
    private static partial Regex Named();

    [GeneratedRegex(@"(?<=[(,\]]\s*)[\w<>?]+\??(<\w+>)? (?<name>[A-Z]\w+)(?=\s*[,)])")]
    private static partial Regex Property();

    [GeneratedRegex(@"const int (?<name>\w+) = (?<number>\d+);")]
    private static partial Regex ExitCode();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
