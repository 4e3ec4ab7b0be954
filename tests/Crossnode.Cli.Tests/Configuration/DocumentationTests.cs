using System.Text.Json;
using Crossnode.Cli.Benchmarks;
using Crossnode.Cli.Benchmarks.Results;
using Crossnode.Cli.Configuration;

namespace Crossnode.Cli.Tests.Configuration;

/// <summary>The page of the command line lists the settings of train as they are.</summary>
[Trait("tier", "unit")]
public sealed class DocumentationTests
{
    [Fact]
    public void Settings_of_train_are_documented_in_order_with_their_defaults()
    {
        var defaults = new TrainConfiguration();
        var rows = Rows().Where(cells => cells.Length == 4 && cells[0].StartsWith("`--", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            TrainSettings.All.Select(setting => (Flag(setting), $"`{setting.Key}`")),
            rows.Select(cells => (cells[0], cells[1])));
        Assert.All(TrainSettings.All.Zip(rows), pair =>
        {
            var value = pair.First.Read(defaults).ToJsonString().Trim('"', '[', ']');
            if (value.Length > 0)
            {
                Assert.Equal(value, pair.Second[2].Trim('`'));
            }
        });
    }

    [Fact]
    public void Settings_of_bench_are_documented_in_order_with_their_defaults()
    {
        var defaults = new BenchConfiguration();
        var rows = Rows().SkipWhile(cells => !cells[0].StartsWith("`--sizes", StringComparison.Ordinal)).Take(BenchConfiguration.Settings.Count).ToList();
        Assert.All(BenchConfiguration.Settings.Zip(rows), pair =>
        {
            Assert.StartsWith($"`{pair.First.Flag}", pair.Second[0], StringComparison.Ordinal);
            var value = pair.First.Read(defaults).ToJsonString().Trim('"', '[', ']');
            Assert.Equal(value.Length > 0 ? value : "none", pair.Second[1].Trim('`'));
        });
    }

    [Fact]
    public void Keys_of_a_row_of_bench_are_documented()
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs", "reference", "cli.md"));
        Assert.All(
            typeof(BenchRow).GetProperties().Where(property => property.GetMethod!.IsPublic && !property.GetMethod.IsStatic),
            property => Assert.Contains($"`{JsonNamingPolicy.CamelCase.ConvertName(property.Name)}`", page, StringComparison.Ordinal));
    }

    private static string Flag(Setting<TrainConfiguration> setting) =>
        setting.IsSwitch ? $"`{setting.Flag}`" : $"`{setting.Flag} {setting.ValueName}`";

    private static IEnumerable<string[]> Rows() =>
        from line in File.ReadLines(Path.Combine(Root(), "docs", "reference", "cli.md"))
        where line.StartsWith('|')
        select line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray();

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Crossnode.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException($"no folder above {AppContext.BaseDirectory} holds Crossnode.slnx");
        }

        return folder.FullName;
    }
}
