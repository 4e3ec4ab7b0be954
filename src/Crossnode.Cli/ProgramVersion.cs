using System.Reflection;

namespace Crossnode.Cli;

/// <summary>This program's version.</summary>
internal static class ProgramVersion
{
    public static string Text { get; } = typeof(ProgramVersion).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>With the commit that it was built from, where the build knew: 1.0.0+0123abcd...</summary>
    public static string WithCommit { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? Text;
}
