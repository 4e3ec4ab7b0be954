namespace Crossnode.Models.Text;

/// <summary>A document's name and the bytes of text taken from it.</summary>
public sealed record CorpusDocument(string Name, int Bytes);

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
