using System.Diagnostics;

namespace Crossnode.Transport.Tests;

/// <summary>A tmpfs of 256 KiB; making it takes root.</summary>
internal sealed class SmallMount : IDisposable
{
    private SmallMount(string path) => Path = path;

    public string Path { get; }

    public static SmallMount? TryCreate(SharedFolder folder)
    {
        var path = Directory.CreateDirectory(System.IO.Path.Combine(folder.Path, "small")).FullName;
        return Run("mount", "-t", "tmpfs", "-o", "size=256k", "none", path) ? new SmallMount(path) : null;
    }

    public void Dispose() => Run("umount", Path);

    private static bool Run(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
