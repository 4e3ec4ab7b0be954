namespace Crossnode.NativeMend.Tests;

[Trait("tier", "unit")]
public class SymbolVersionsTests
{
    [Fact]
    public void Needed_versions_are_listed_with_the_place_of_their_flags()
    {
        var image = new ElfImage(ElfFile.Needing("libx.so.1", "X_1", "X_2"));

        Assert.Equal(
            [new NeededVersion("libx.so.1", "X_1", ElfFile.FlagsOffset(0), 0), new NeededVersion("libx.so.1", "X_2", ElfFile.FlagsOffset(1), 0)],
            SymbolVersions.NeededBy(image));
        Assert.Empty(SymbolVersions.DefinedBy(image));
    }

    [Fact]
    public void Defined_versions_are_listed()
    {
        var image = new ElfImage(ElfFile.Defining("libx.so.1", "X_1", "X_2"));

        Assert.Equal(["X_1", "X_2", "libx.so.1"], SymbolVersions.DefinedBy(image).Order(StringComparer.Ordinal));
        Assert.Equal(ElfFile.X64, image.Machine);
    }

    [Fact]
    public void Every_truncation_is_refused_or_reads_like_the_whole_file()
    {
        var whole = ElfFile.Needing(VersionMend.Library, "GLIBCXX_3.4", VersionMend.Version);
        var expected = SymbolVersions.NeededBy(new ElfImage(whole));
        for (var length = 0; length < whole.Length; length++)
        {
            try
            {
                Assert.Equal(expected, SymbolVersions.NeededBy(new ElfImage(whole[..length])));
            }
            catch (ElfFormatException)
            {
            }
        }
    }

    [Fact]
    public void Every_changed_byte_is_refused_or_read_without_another_exception()
    {
        var whole = ElfFile.Needing(VersionMend.Library, VersionMend.Version);
        for (var i = 0; i < whole.Length; i++)
        {
            foreach (byte value in (byte[])[0, 1, 0x7F, 0x80, 0xFF])
            {
                var changed = (byte[])whole.Clone();
                changed[i] = value;
                try
                {
                    SymbolVersions.NeededBy(new ElfImage(changed));
                }
                catch (ElfFormatException)
                {
                }
            }
        }
    }

    [Fact]
    public void Real_library_needs_the_version_once()
    {
        Assert.SkipUnless(File.Exists(Folder.RealLibrary), "TorchSharp is not in the package cache: restore the solution.");

        var needed = SymbolVersions.NeededBy(new ElfImage(File.ReadAllBytes(Folder.RealLibrary)));

        Assert.Single(needed, n => n.Version == VersionMend.Version && n.Library == VersionMend.Library);
        Assert.Contains(needed, n => n.Library.StartsWith("libc.so", StringComparison.Ordinal));
    }
}
