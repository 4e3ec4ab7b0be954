namespace Crossnode.Tidy.Tests;

/// <summary>The layers of the architecture, and which arrows between them are allowed.</summary>
internal static class Layers
{
    // Layers of one line do not see each other.
    private static readonly string[][] BottomUp =
    [
        ["Core"],
        ["Numerics"],
        ["Transport", "Protocol"],
        ["Mesh"],
        ["Collectives"],
        ["Training", "Parallelism"],
        ["TorchSharp"],
        ["Models", "Agents"],
        ["Coordinator", "Simulation"],
        ["Cli"],
    ];

    // Seen by the executable alone, not by layers that may one day stand above them.
    private static readonly string[] ForCliOnly = ["Coordinator", "Simulation"];

    // Runs in the compiler's process, not in the product's.
    private static readonly string[] BuildTools = ["NativeMend"];

    /// <summary>What is wrong with a project's references: one sentence each, none when all arrows go down.</summary>
    public static IEnumerable<string> Violations(ProjectFile project)
    {
        var layer = LayerOf(project.Name);
        var height = Height(layer);
        if (height is null && !BuildTools.Contains(layer))
        {
            yield return $"{project.Path}: {layer} is no layer: give it a place in tests/Crossnode.Tidy.Tests/Layers.cs";
            yield break;
        }

        foreach (var target in project.References.Select(LayerOf))
        {
            if (Height(target) is not { } below || height is null)
            {
                yield return $"{project.Path}: {layer} must not reference {target}: only layers reference layers";
            }
            else if (below >= height)
            {
                var direction = below == height ? "sideways" : "up";
                yield return $"{project.Path}: the arrow from {layer} to {target} goes {direction}: move what it needs to a layer below both";
            }
            else if (ForCliOnly.Contains(target) && layer != "Cli")
            {
                yield return $"{project.Path}: {layer} must not see {target}: only Cli does";
            }
        }
    }

    private static int? Height(string layer)
    {
        var index = Array.FindIndex(BottomUp, line => line.Contains(layer));
        return index < 0 ? null : index;
    }

    private static string LayerOf(string project)
    {
        const string Prefix = "Crossnode.";
        return project.StartsWith(Prefix, StringComparison.Ordinal) ? project[Prefix.Length..] : project;
    }
}
