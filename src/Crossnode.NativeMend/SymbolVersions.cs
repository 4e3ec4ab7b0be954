namespace Crossnode.NativeMend;

/// <summary>A symbol version that a file needs of a library: one Vernaux record of .gnu.version_r.</summary>
/// <param name="Library">The library asked, as its soname.</param>
/// <param name="Version">The version's name.</param>
/// <param name="FlagsOffset">Where in the file the 16 bits of vna_flags lie.</param>
/// <param name="Flags">Their value.</param>
internal readonly record struct NeededVersion(string Library, string Version, long FlagsOffset, ushort Flags)
{
    /// <summary>VER_FLG_WEAK: the loader accepts a library without this version.</summary>
    public const ushort Weak = 2;

    public bool IsWeak => (Flags & Weak) != 0;
}

/// <summary>Walks the version tables of a file: what it needs, and what it offers.</summary>
internal static class SymbolVersions
{
    private const long NeedTable = 0x6FFFFFFE;
    private const long NeedCount = 0x6FFFFFFF;
    private const long DefinitionTable = 0x6FFFFFFC;
    private const long DefinitionCount = 0x6FFFFFFD;

    /// <summary>Lists the versions that the file needs; none when it has no such table.</summary>
    public static List<NeededVersion> NeededBy(ElfImage image)
    {
        var needed = new List<NeededVersion>();
        foreach (var record in Chain(image, NeedTable, NeedCount, nextField: 12))
        {
            // Verneed: version, count (16 bits each), file, first auxiliary record, next.
            // Vernaux: hash (32), flags, other (16 each), name, next (32 each).
            var library = image.Name(image.UInt32(record + 4));
            int count = image.UInt16(record + 2);
            var at = record + image.UInt32(record + 8);
            for (var i = 0; i < count; i++)
            {
                needed.Add(new NeededVersion(library, image.Name(image.UInt32(at + 8)), at + 4, image.UInt16(at + 4)));
                var next = image.UInt32(at + 12);
                if (next == 0)
                {
                    break;
                }
                at += next;
            }
        }
        return needed;
    }

    /// <summary>Lists the versions that the file defines; none when it has no such table.</summary>
    public static HashSet<string> DefinedBy(ElfImage image)
    {
        var defined = new HashSet<string>(StringComparer.Ordinal);
        foreach (var record in Chain(image, DefinitionTable, DefinitionCount, nextField: 16))
        {
            // Verdef: its own name is that of its first Verdaux; the others are its ancestors.
            defined.Add(image.Name(image.UInt32(record + image.UInt32(record + 12))));
        }
        return defined;
    }

    private static IEnumerable<long> Chain(ElfImage image, long table, long countTag, int nextField)
    {
        if (!image.TryGetDynamic(table, out var address) || !image.TryGetDynamic(countTag, out var count))
        {
            yield break;
        }
        var at = image.OffsetOf(address);
        for (ulong i = 0; i < count; i++)
        {
            yield return at;
            var next = image.UInt32(at + nextField);
            if (next == 0)
            {
                yield break;
            }
            at += next;
        }
    }
}
