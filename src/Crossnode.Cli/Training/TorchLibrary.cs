using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Crossnode.Core.Errors;
using TorchSharp;

namespace Crossnode.Cli.Training;

/// <summary>Knows whether this build carries a native libtorch, without loading it.</summary>
internal static class TorchLibrary
{
    /// <summary>The systems for which there is one.</summary>
    public const string Systems = "linux-x64, win-x64 and osx-arm64";

    /// <summary>The system for which the packaged tool carries one.</summary>
    private const string PackagedSystem = "linux-x64";

    /// <summary>Where TorchSharp's native library lies; null when this build has none for this system.</summary>
    public static string? Find()
    {
        var name = OperatingSystem.IsWindows() ? "LibTorchSharp.dll"
            : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib"
            : "libLibTorchSharp.so";
        string[] folders =
        [
            AppContext.BaseDirectory,
            Path.Combine(AppContext.BaseDirectory, "runtimes", PortableIdentifier(), "native"),
        ];
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Makes sure that there is one.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static void Require()
    {
        if (Find() is null)
        {
            throw new InputException(
                $"Training needs the native libtorch, which this crossnode does not carry for {PortableIdentifier()}: "
                + $"the packaged tool has it for {PackagedSystem}, a build from the sources for {Systems}.");
        }
    }

    /// <summary>Loads it.</summary>
    /// <exception cref="InputException">It does not load.</exception>
    public static void Load(int threads)
    {
        Require();
        try
        {
            Touch(threads);
        }
        catch (Exception exception) when (exception is TypeInitializationException or DllNotFoundException or NotSupportedException)
        {
            throw new InputException(
                $"The native libtorch does not load on this system ({(exception.InnerException ?? exception).Message.ReplaceLineEndings(" ")}): train on one of {Systems}.",
                exception);
        }
    }

    /// <summary>The system, as packages name it.</summary>
    public static string PortableIdentifier()
    {
        var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
    }

    // A method of its own: TorchSharp loads with the first method that mentions it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Touch(int threads)
    {
        torch.set_num_threads(threads);
        torch.zeros(1).Dispose();
    }
}
