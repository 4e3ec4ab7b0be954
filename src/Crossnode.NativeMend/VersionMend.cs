using System.Buffers.Binary;

namespace Crossnode.NativeMend;

/// <summary>What became of a library.</summary>
internal enum MendStatus
{
    /// <summary>The file was replaced by a mended one.</summary>
    Mended,

    /// <summary>Nothing had to be done; the file was not touched.</summary>
    NotNeeded,

    /// <summary>The file cannot be understood; it was not touched.</summary>
    Unreadable,
}

/// <summary>The status, and one sentence for the build's log.</summary>
internal readonly record struct MendOutcome(MendStatus Status, string Text);

/// <summary>
/// Lets TorchSharp's native library load where libstdc++ is older than GCC 13's, as on Debian 12.
/// </summary>
/// <remarks>
/// The library asks for the version GLIBCXX_3.4.32 because of one symbol, _ZSt21ios_base_library_initv: a marker that
/// makes the loader refuse an older libstdc++, and that is never called. Marked weak, the version may be missing.
/// </remarks>
internal static class VersionMend
{
    public const string Library = "libstdc++.so.6";
    public const string Version = "GLIBCXX_3.4.32";

    /// <summary>Marks the version as weak in the file, when the system's libstdc++ lacks it.</summary>
    /// <param name="path">The copy in an output folder. It may be a hard link into the package cache, so a new file is
    /// written beside it and renamed over it; with the old modification time, or the next build copies the original back.</param>
    /// <param name="loaderDirectories">Where to look for libstdc++.</param>
    /// <exception cref="IOException">The new file could not be written; the old one is as it was.</exception>
    public static MendOutcome Apply(string path, IEnumerable<string> loaderDirectories) =>
        Apply(path, image => Compare(image, path, loaderDirectories));

    /// <summary>Marks the version as weak in the file, whatever this system has: where the version exists, nothing changes.</summary>
    /// <inheritdoc cref="Apply(string, IEnumerable{string})" />
    public static MendOutcome Apply(string path) =>
        Apply(path, _ => new MendOutcome(MendStatus.Mended, $"{path}: {Version} is now optional, for systems that lack it."));

    private static MendOutcome Apply(string path, Func<ElfImage, MendOutcome> judge)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            var image = new ElfImage(bytes);
            var needed = SymbolVersions.NeededBy(image).Where(n => n.Version == Version && n.Library == Library && !n.IsWeak).ToList();
            if (needed.Count == 0)
            {
                return new MendOutcome(MendStatus.NotNeeded, $"{path} does not insist on {Version}.");
            }
            var outcome = judge(image);
            if (outcome.Status == MendStatus.Mended)
            {
                foreach (var record in needed)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(
                        bytes.AsSpan((int)record.FlagsOffset), (ushort)(record.Flags | NeededVersion.Weak));
                }
                Replace(path, bytes);
            }
            return outcome;
        }
        catch (ElfFormatException e)
        {
            return new MendOutcome(
                MendStatus.Unreadable,
                $"Cannot read {path}: {e.Message}. It was left as it is; delete it and build again, and if that does not help, clear the package cache.");
        }
    }

    private static MendOutcome Compare(ElfImage image, string path, IEnumerable<string> loaderDirectories)
    {
        var system = SystemLibraries.Find(Library, image.Machine, loaderDirectories);
        if (system is null)
        {
            return new MendOutcome(MendStatus.NotNeeded, $"{path} is left as it is: this system has no {Library} to compare with.");
        }
        return SymbolVersions.DefinedBy(new ElfImage(File.ReadAllBytes(system))).Contains(Version)
            ? new MendOutcome(MendStatus.NotNeeded, $"{path} is left as it is: {system} has {Version}.")
            : new MendOutcome(MendStatus.Mended, $"{path}: {Version} is now optional, because {system} lacks it.");
    }

    private static void Replace(string path, byte[] bytes)
    {
        var modified = File.GetLastWriteTimeUtc(path);
        var fresh = $"{path}.{Environment.ProcessId}.mending";
        try
        {
            File.WriteAllBytes(fresh, bytes);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(fresh, File.GetUnixFileMode(path));
            }
            File.SetLastWriteTimeUtc(fresh, modified);
            File.Move(fresh, path, overwrite: true);
        }
        finally
        {
            File.Delete(fresh);
        }
    }
}
