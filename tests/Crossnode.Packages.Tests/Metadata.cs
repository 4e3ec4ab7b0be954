using System.Reflection;

namespace Crossnode.Packages.Tests;

/// <summary>What the build knew of this test's surroundings.</summary>
internal static class Metadata
{
    public static string Repository => Of("Repository");

    /// <summary>Where this machine keeps the packages that it has restored.</summary>
    public static string PackageFolder => Of("PackageFolder");

    public static string Version => Of("Version");

    private static string Of(string key) =>
        typeof(Metadata).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
