namespace Crossnode.Tidy.Tests;

/// <summary>Arrows between projects only go down.</summary>
[Trait("tier", "unit")]
public sealed class LayerTests
{
    [Fact]
    public void References_of_every_project_go_down()
    {
        var projects = Repository.Projects("src");
        Assert.NotEmpty(projects);
        Violations.AssertNone(projects.SelectMany(Layers.Violations));
    }

    [Theory]
    [InlineData("Core", "Numerics", "up")]
    [InlineData("Transport", "Protocol", "sideways")]
    [InlineData("Protocol", "Transport", "sideways")]
    [InlineData("Collectives", "Training", "up")]
    [InlineData("Training", "TorchSharp", "up")]
    [InlineData("Parallelism", "Training", "sideways")]
    [InlineData("Models", "Coordinator", "up")]
    [InlineData("Simulation", "Coordinator", "sideways")]
    [InlineData("Coordinator", "Cli", "up")]
    public void Arrow_that_does_not_go_down_is_found(string from, string to, string direction)
    {
        var violation = Assert.Single(Layers.Violations(Project(from, to)));
        Assert.Contains($"from {from} to {to} goes {direction}", violation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Numerics", "Core")]
    [InlineData("Collectives", "Transport")]
    [InlineData("TorchSharp", "Training")]
    [InlineData("Coordinator", "Collectives")]
    [InlineData("Simulation", "Training")]
    [InlineData("Cli", "Simulation")]
    [InlineData("Cli", "Coordinator")]
    public void Arrow_that_goes_down_is_fine(string from, string to) =>
        Violations.AssertNone(Layers.Violations(Project(from, to)));

    [Theory]
    [InlineData("Extras", "Core", "no layer")]
    [InlineData("Cli", "NativeMend", "only layers")]
    [InlineData("NativeMend", "Core", "only layers")]
    public void Project_outside_the_layers_is_found(string from, string to, string why) =>
        Assert.Contains(why, Assert.Single(Layers.Violations(Project(from, to))), StringComparison.Ordinal);

    [Fact]
    public void Libraries_leave_the_native_libtorch_to_executables() =>
        Violations.AssertNone(
            from project in Repository.Projects("src")
            where !project.Name.EndsWith(".Cli", StringComparison.Ordinal)
            from package in project.Packages
            where package.StartsWith("libtorch", StringComparison.OrdinalIgnoreCase)
                || package.StartsWith("TorchSharp-", StringComparison.OrdinalIgnoreCase)
            select $"{project.Path} references {package}: each copy is 500 MB, and its users choose which");

    private static ProjectFile Project(string from, string to) => ProjectFile.Parse(
        $"src/Crossnode.{from}/Crossnode.{from}.csproj",
        $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <ItemGroup><ProjectReference Include="..\Crossnode.{to}\Crossnode.{to}.csproj" /></ItemGroup>
        </Project>
        """);
}
