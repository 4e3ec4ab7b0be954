namespace Crossnode.NativeMend.Tests;

[Trait("tier", "unit")]
public sealed class VersionMendTests : IDisposable
{
    private static readonly DateTime Modified = new(2021, 3, 4, 5, 6, 7, DateTimeKind.Utc);
    private readonly Folder _folder = new();
    private readonly byte[] _original = ElfFile.Needing(VersionMend.Library, "GLIBCXX_3.4", VersionMend.Version, "CXXABI_1.3");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Version_that_the_system_lacks_is_marked_weak_and_nothing_else_changes()
    {
        var path = Library();

        var outcome = VersionMend.Apply(path, [OldSystem()]);

        Assert.Equal(MendStatus.Mended, outcome.Status);
        var expected = (byte[])_original.Clone();
        expected[ElfFile.FlagsOffset(1)] = 2;
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Equal(Modified, File.GetLastWriteTimeUtc(path));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_folder.Path).Count());
    }

    [Fact]
    public void Copy_that_travels_is_marked_weak_whatever_this_system_has()
    {
        var path = Library();

        Assert.Equal(MendStatus.Mended, VersionMend.Apply(path).Status);

        var expected = (byte[])_original.Clone();
        expected[ElfFile.FlagsOffset(1)] = 2;
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Equal(MendStatus.NotNeeded, VersionMend.Apply(path).Status);
    }

    [Fact]
    public void Second_mend_changes_nothing()
    {
        var path = Library();
        var system = OldSystem();
        VersionMend.Apply(path, [system]);
        var mended = File.ReadAllBytes(path);

        Assert.Equal(MendStatus.NotNeeded, VersionMend.Apply(path, [system]).Status);
        Assert.Equal(mended, File.ReadAllBytes(path));
    }

    [Fact]
    public void Hard_link_into_the_package_cache_leaves_the_cache_as_it_was()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Hard links are made with Linux's ln here.");
        var cached = Library();
        var path = Path.Combine(_folder.Path, "output.so");
        using (var link = System.Diagnostics.Process.Start("ln", [cached, path]))
        {
            link.WaitForExit();
        }

        VersionMend.Apply(path, [OldSystem()]);

        Assert.Equal(_original, File.ReadAllBytes(cached));
        Assert.NotEqual(_original, File.ReadAllBytes(path));
    }

    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void File_mode_is_kept()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no file modes.");
        var path = Library();
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead;
        File.SetUnixFileMode(path, mode);

        VersionMend.Apply(path, [OldSystem()]);

        Assert.Equal(mode, File.GetUnixFileMode(path));
    }

    [Fact]
    public void System_that_has_the_version_leaves_the_file_alone()
    {
        _folder.Write("new/libstdc++.so.6", ElfFile.Defining("GLIBCXX_3.4", VersionMend.Version));
        Unchanged(MendStatus.NotNeeded, Library(), [Path.Combine(_folder.Path, "new")]);
    }

    [Fact]
    public void System_without_the_library_leaves_the_file_alone() => Unchanged(MendStatus.NotNeeded, Library(), [_folder.Path]);

    [Fact]
    public void Library_of_another_processor_is_passed_over()
    {
        var other = ElfFile.Defining(VersionMend.Version);
        other[18] = 183;
        _folder.Write("other/libstdc++.so.6", other);

        Assert.Equal(MendStatus.Mended, VersionMend.Apply(Library(), [Path.Combine(_folder.Path, "other"), OldSystem()]).Status);
    }

    [Fact]
    public void Garbage_is_left_alone_and_named()
    {
        var path = _folder.Write("libLibTorchSharp.so", "this is no library, however long it may be: it has no ELF header at all"u8.ToArray());
        var outcome = Unchanged(MendStatus.Unreadable, path, [OldSystem()]);
        Assert.Contains(path, outcome.Text, StringComparison.Ordinal);
        Assert.Contains("not an ELF file", outcome.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncated_library_is_left_alone_and_named()
    {
        var path = _folder.Write("libLibTorchSharp.so", _original[..200]);
        Assert.Contains("cut short", Unchanged(MendStatus.Unreadable, path, [OldSystem()]).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Loader_directories_follow_the_configuration_and_its_includes()
    {
        _folder.Write("conf.d/b.conf", "/second\n# /never\n"u8.ToArray());
        _folder.Write("conf.d/a.conf", "/first # with a comment\n"u8.ToArray());
        var configuration = _folder.Write("ld.so.conf", "include conf.d/*.conf\n/third\n"u8.ToArray());

        var directories = SystemLibraries.LoaderDirectories("/mine:relative", configuration).ToList();

        Assert.Equal(["/mine", "/first", "/second", "/third"], directories.Take(4));
        Assert.Contains("/usr/lib64", directories);
    }

    private string Library()
    {
        var path = _folder.Write("libLibTorchSharp.so", _original);
        File.SetLastWriteTimeUtc(path, Modified);
        return path;
    }

    private string OldSystem() =>
        Path.GetDirectoryName(_folder.Write("old/libstdc++.so.6", ElfFile.Defining("libstdc++.so.6", "GLIBCXX_3.4", "GLIBCXX_3.4.30")))!;

    private static MendOutcome Unchanged(MendStatus status, string path, string[] directories)
    {
        var before = File.ReadAllBytes(path);
        var outcome = VersionMend.Apply(path, directories);
        Assert.Equal(status, outcome.Status);
        Assert.Equal(before, File.ReadAllBytes(path));
        return outcome;
    }
}
