using System.Buffers.Binary;
using Crossnode.Core.Errors;

namespace Crossnode.Models.Text;

/// <summary>Bytes to learn from, and bytes held out to measure with.</summary>
public sealed class Corpus
{
    /// <summary>Less text than this teaches nothing, and leaves nothing to measure.</summary>
    public const int FewestBytes = 4096;

    /// <summary>More text than this is refused.</summary>
    public const int MostBytes = int.MaxValue / 2;

    internal Corpus(byte[] training, byte[] heldOut, CorpusReport? report, byte[]? lengths = null)
    {
        Training = training;
        HeldOut = heldOut;
        Report = report;
        Lengths = lengths ?? (report is null ? [] : LengthsOf(report));
    }

    /// <summary>What is learned.</summary>
    public ReadOnlyMemory<byte> Training { get; }

    /// <summary>What is never learned.</summary>
    public ReadOnlyMemory<byte> HeldOut { get; }

    /// <summary>The bytes of each document, those learned first: 32 bits each, little-endian. With them others can check the texts.</summary>
    public ReadOnlyMemory<byte> Lengths { get; }

    /// <summary>What the corpus was made of; null when it was loaded from a file of <see cref="SaveTo"/>.</summary>
    public CorpusReport? Report { get; }

    /// <summary>Makes the default corpus: the prose of the XML documentation of the .NET SDK in use.</summary>
    /// <param name="roots">Roots of .NET installations to try; those of this process when null.</param>
    /// <exception cref="InputException">The SDK has none.</exception>
    public static Corpus FromSdk(IReadOnlyList<string>? roots = null) => FromDocuments(SdkDocumentation.Read(roots ?? SdkDocumentation.Roots()));

    /// <summary>Makes a corpus of files, folders and patterns with *, ? and **, byte for byte.</summary>
    /// <exception cref="InputException">One names no file, a file cannot be read, or they hold too little text.</exception>
    public static Corpus FromFiles(IEnumerable<string> patterns) => FromDocuments(TextFiles.Read(patterns));

    /// <summary>Makes a corpus of what members of a run gave, and checks it document by document.</summary>
    /// <param name="wanted">What the run's coordinator says that they are.</param>
    /// <param name="training">All text to learn. The corpus keeps this array.</param>
    /// <param name="heldOut">All text that is held out. The corpus keeps this array.</param>
    /// <param name="lengths">As <see cref="Lengths"/>. The corpus keeps this array.</param>
    /// <exception cref="InputException">They differ; the text names the first difference.</exception>
    public static Corpus FromMembers(DataManifest wanted, byte[] training, byte[] heldOut, byte[] lengths)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(heldOut);
        ArgumentNullException.ThrowIfNull(lengths);
        var cuts = new DocumentCuts(wanted, lengths);
        var report = new CorpusReport
        {
            Training = cuts.Take(wanted.TrainingCount, training),
            HeldOut = cuts.Take(wanted.HeldOutCount, heldOut),
            Duplicates = [],
            HeldOutIsTail = false,
        };
        return wanted.FirstDifference(DataManifest.Of(report)) is { } difference
            ? throw new InputException($"What the members gave is not what the coordinator describes: {difference}.")
            : new Corpus(training, heldOut, report, lengths);
    }

    /// <summary>Looks whether files, folders and patterns name enough text that can be read, without reading it all.</summary>
    /// <remarks>Files that are equal count once in a corpus and more than once here, so <see cref="FromFiles"/> may still refuse.</remarks>
    /// <exception cref="InputException">One names no file, a file cannot be read, or they hold too little text.</exception>
    public static void Check(IEnumerable<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        var bytes = TextFiles.CountUpTo(FewestBytes, patterns);
        if (bytes < FewestBytes)
        {
            throw TooShort(bytes);
        }
    }

    /// <summary>Writes the corpus for other processes of this run; the file appears whole or not at all.</summary>
    public void SaveTo(string path) => CorpusFile.Write(path, this);

    /// <summary>Reads a file of <see cref="SaveTo"/>.</summary>
    /// <exception cref="InputException">It is not such a file, or not whole.</exception>
    public static Corpus LoadFrom(string path) => CorpusFile.Read(path);

    /// <summary>Counts the held-out lines, and those of them that are also learned.</summary>
    public (int Repeated, int Total) CountRepeatedLines()
    {
        var known = new HashSet<UInt128>();
        foreach (var line in Training.Span.Split((byte)'\n'))
        {
            known.Add(Document.HashOf(Training.Span[line]));
        }
        int repeated = 0, total = 0;
        foreach (var line in HeldOut.Span.Split((byte)'\n'))
        {
            var text = HeldOut.Span[line];
            if (!text.IsEmpty)
            {
                total++;
                repeated += known.Contains(Document.HashOf(text)) ? 1 : 0;
            }
        }
        return (repeated, total);
    }

    /// <summary>Says which share of a text's words of four letters or more also occur in what is learned; 1 when it has none.</summary>
    public double KnownWordShare(ReadOnlySpan<byte> text)
    {
        var known = new HashSet<UInt128>();
        foreach (var word in Words(Training.Span))
        {
            known.Add(Document.HashOf(Training.Span[word]));
        }
        int found = 0, total = 0;
        foreach (var word in Words(text))
        {
            total++;
            found += known.Contains(Document.HashOf(text[word])) ? 1 : 0;
        }
        return total == 0 ? 1 : (double)found / total;
    }

    /// <summary>Lists the runs of four ASCII letters or more.</summary>
    private static List<Range> Words(ReadOnlySpan<byte> text)
    {
        const int ShortestWord = 4;
        var words = new List<Range>();
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && char.IsAsciiLetter((char)text[i]))
            {
                continue;
            }
            if (i - start >= ShortestWord)
            {
                words.Add(start..i);
            }
            start = i + 1;
        }
        return words;
    }

    internal static Corpus FromDocuments(IReadOnlyList<Document> documents)
    {
        var seen = new HashSet<UInt128>();
        var distinct = new List<Document>();
        var duplicates = new List<string>();
        foreach (var document in documents)
        {
            if (seen.Add(document.Content))
            {
                distinct.Add(document);
            }
            else
            {
                duplicates.Add(document.Name);
            }
        }
        var bytes = distinct.Sum(d => (long)d.Text.Length);
        if (bytes is < FewestBytes or > MostBytes)
        {
            throw bytes < FewestBytes ? TooShort(bytes) : new InputException(
                $"The data hold {bytes} bytes of text; name at most {MostBytes} with --data.");
        }
        var (training, heldOut, isTail) = HoldOut.Split(distinct);
        return new Corpus(Join(training), Join(heldOut), new CorpusReport
        {
            Training = [.. training.Select(d => Described(d))],
            HeldOut = [.. heldOut.Select(d => Described(d))],
            Duplicates = duplicates,
            HeldOutIsTail = isTail,
        });
    }

    private static byte[] LengthsOf(CorpusReport report)
    {
        var lengths = new byte[sizeof(int) * (report.Training.Count + report.HeldOut.Count)];
        var at = 0;
        foreach (var document in report.Training.Concat(report.HeldOut))
        {
            BinaryPrimitives.WriteInt32LittleEndian(lengths.AsSpan(at), document.Bytes);
            at += sizeof(int);
        }
        return lengths;
    }

    private static CorpusDocument Described(Document d) => new(d.Name, d.Text.Length, Document.HashOf(d.Text));

    private static InputException TooShort(long bytes) =>
        new($"The data hold {bytes} bytes of text; name at least {FewestBytes} with --data.");

    private static byte[] Join(List<Document> documents)
    {
        var joined = new byte[documents.Sum(d => d.Text.Length)];
        var at = 0;
        foreach (var document in documents)
        {
            document.Text.CopyTo(joined, at);
            at += document.Text.Length;
        }
        return joined;
    }
}
