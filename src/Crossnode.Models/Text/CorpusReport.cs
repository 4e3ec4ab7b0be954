namespace Crossnode.Models.Text;

/// <summary>One document of a corpus.</summary>
/// <param name="Name">Its path, as reports show it.</param>
/// <param name="Bytes">The bytes of text taken from it.</param>
/// <param name="Hash">XxHash128 of these bytes.</param>
public sealed record CorpusDocument(string Name, int Bytes, UInt128 Hash);

/// <summary>What a corpus was made of.</summary>
public sealed record CorpusReport
{
    /// <summary>The documents that are learned.</summary>
    public required IReadOnlyList<CorpusDocument> Training { get; init; }

    /// <summary>The documents that are held out.</summary>
    public required IReadOnlyList<CorpusDocument> HeldOut { get; init; }

    /// <summary>Files that were dropped because an equal one is in the corpus.</summary>
    public required IReadOnlyList<string> Duplicates { get; init; }

    /// <summary>True when no whole document was small enough, so that the end of the largest one is held out.</summary>
    public required bool HeldOutIsTail { get; init; }
}
