using System.Text.RegularExpressions;

namespace Crossnode.Tidy.Tests;

/// <summary>Rules about files: how they end, what the solution lists, where packages come from.</summary>
[Trait("tier", "unit")]
public sealed partial class FileTests
{
    [Fact]
    public void Text_has_LF_endings_and_ends_with_one()
    {
        var text = Repository.Files.Select(path => (path, bytes: Repository.Bytes(path))).Where(f => !f.bytes.Contains((byte)0)).ToList();
        Violations.AssertNone(text.Where(f => f.bytes.Contains((byte)'\r')).Select(f => $"{f.path} has CR LF endings"));
        Violations.AssertNone(text.Where(f => f.bytes is [.., not (byte)'\n']).Select(f => $"{f.path} does not end with a newline"));
    }

    // A project that the solution lacks is neither built nor tested by the commands of the README.
    [Fact]
    public void Solution_lists_every_project_that_has_sources()
    {
        var solution = Repository.Text("Crossnode.slnx");
        Violations.AssertNone(
            from folder in (string[])["src", "tests", "samples", "bench"]
            from project in Repository.Projects(folder)
            let home = project.Path[..project.Path.LastIndexOf('/')]
            where Repository.Sources(home).Any()
            where !solution.Contains($"\"{project.Path}\"", StringComparison.Ordinal)
            select $"{project.Path} is missing from Crossnode.slnx");
    }

    // A merge can leave one twice, and then nothing builds from the solution.
    [Fact]
    public void Solution_lists_projects_that_exist_once()
    {
        var listed = SolutionProject().Matches(Repository.Text("Crossnode.slnx")).Select(m => m.Groups["path"].Value).ToList();
        Violations.AssertNone(listed.CountBy(path => path).Where(c => c.Value > 1).Select(c => $"{c.Key} is listed {c.Value} times"));
        Violations.AssertNone(listed.Except(Repository.Files).Select(path => $"{path} is listed but does not exist"));
    }

    // Which registry serves packages is the machine's choice: a clone must also restore behind a mirror.
    [Fact]
    public void Project_and_configuration_files_name_no_registry() =>
        Violations.AssertNone(
            from path in Repository.Files
            where ConfigurationFile().IsMatch(path)
            let text = Repository.Text(path)
            from Match match in Registry().Matches(text)
            select $"{Repository.Locate(path, text, match.Index)}: {match.Value}");

    [Theory]
    [InlineData("<RestoreSources>x</RestoreSources>", true)]
    [InlineData("<packageSources>", true)]
    [InlineData("\"url\": \"https://packages.example/v3/index.json\"", true)]
    [InlineData("<Project xmlns=\"http://schemas.microsoft.com/developer/msbuild/2003\">", false)]
    public void Registry_is_recognised(string text, bool found) => Assert.Equal(found, Registry().IsMatch(text));

    [GeneratedRegex(@"<Project Path=""(?<path>[^""]+)""")]
    private static partial Regex SolutionProject();

    [GeneratedRegex(@"\.(csproj|props|targets|slnx|json|config|toml|ya?ml)$", RegexOptions.IgnoreCase)]
    private static partial Regex ConfigurationFile();

    [GeneratedRegex(@"https?://(?!schemas\.microsoft\.com/|json\.schemastore\.org/)[^\s""'<>]*|<(packageSources|Restore\w*Sources)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Registry();
}
