using System.Reflection;

namespace Crossnode.NativeMend.Tests;

/// <summary>A folder of a test's own, gone when it ends.</summary>
internal sealed class Folder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("crossnode-mend-").FullName;

    /// <summary>TorchSharp's library as its package holds it.</summary>
    public static string RealLibrary => System.IO.Path.Combine(
        Metadata("PackageFolder"), "torchsharp", "0.107.0", "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    public static string Metadata(string key) =>
        typeof(Folder).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;

    public string Write(string name, byte[] content)
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
