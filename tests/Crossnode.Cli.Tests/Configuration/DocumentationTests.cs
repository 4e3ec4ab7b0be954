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
