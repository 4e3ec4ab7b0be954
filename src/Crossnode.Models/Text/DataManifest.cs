using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text.Json;
using System.Text.Json.Nodes;
using Crossnode.Core.Errors;

namespace Crossnode.Models.Text;

/// <summary>What a corpus is made of, so that another machine can tell whether it has the same: names, lengths, hashes, order.</summary>
/// <remarks>
/// Of large corpora it lists the first documents only; the digest covers all. Files are compared by what they hold and where
/// they stand: where a machine keeps them is its own affair, so of a name only the last part counts.
/// </remarks>
public sealed record DataManifest
{
    /// <summary>The most documents that are listed one by one.</summary>
    public const int MostListed = 4000;

    // A charter has a mebibyte, and JSON may spell one character with six bytes.
    private const int MostBytes = 600_000;

    private DataManifest(IReadOnlyList<CorpusDocument> listed, int training, int heldOut, UInt128 digest) =>
        (Listed, TrainingCount, HeldOutCount, Digest) = (listed, training, heldOut, digest);

    /// <summary>The first documents: those that are learned, then those held out.</summary>
    public IReadOnlyList<CorpusDocument> Listed { get; }

    /// <summary>How many documents are learned.</summary>
    public int TrainingCount { get; }

    /// <summary>How many are held out.</summary>
    public int HeldOutCount { get; }

    /// <summary>XxHash128 of lengths and hashes of all, in order.</summary>
    public UInt128 Digest { get; }

    /// <summary>Describes a corpus.</summary>
    public static DataManifest Of(CorpusReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var all = report.Training.Concat(report.HeldOut).ToList();
        var bytes = 0;
        return new DataManifest([.. all.TakeWhile(d => (bytes += Weight(d)) <= MostBytes).Take(MostListed)], report.Training.Count, report.HeldOut.Count, DigestOf(all));
    }

    /// <summary>The first thing in which another machine's data differ from these; null when they are the same.</summary>
    public string? FirstDifference(DataManifest other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (var i = 0; i < Math.Min(Listed.Count, other.Listed.Count); i++)
        {
            var (here, there) = (Listed[i], other.Listed[i]);
            if (here.Bytes != there.Bytes || here.Hash != there.Hash)
            {
                var which = string.Create(CultureInfo.InvariantCulture, $"document {i + 1} of {TrainingCount + HeldOutCount}");
                return FileName(here.Name) != FileName(there.Name)
                    ? $"{which} is {here.Name} in the run, and {there.Name} here"
                    : here.Bytes != there.Bytes
                        ? string.Create(CultureInfo.InvariantCulture, $"{which}, {here.Name}, gives {here.Bytes} bytes of text in the run, and {there.Bytes} here")
                        : $"{which}, {here.Name}, has other content here, though the same length";
            }
        }

        var (runs, own) = (TrainingCount + HeldOutCount, other.TrainingCount + other.HeldOutCount);
        return runs != own ? string.Create(CultureInfo.InvariantCulture, $"the run learns from {runs} documents, and here are {own}")
            : (TrainingCount, HeldOutCount) != (other.TrainingCount, other.HeldOutCount)
                ? string.Create(CultureInfo.InvariantCulture, $"{HeldOutCount} documents are held out in the run, and {other.HeldOutCount} here")
            : Digest != other.Digest ? string.Create(CultureInfo.InvariantCulture, $"a document after the first {Listed.Count} differs")
            : null;
    }

    /// <summary>Checks what others say that all documents and their lengths take, before room is made for them.</summary>
    /// <param name="training">Bytes of the text to learn.</param>
    /// <param name="heldOut">Bytes of the text that is held out.</param>
    /// <param name="lengths">Bytes of the documents' lengths.</param>
    /// <exception cref="InputException">They cannot be right; the text says which and why.</exception>
    public void CheckSizes(long training, long heldOut, long lengths)
    {
        var count = (long)TrainingCount + HeldOutCount;
        if (lengths != sizeof(int) * count)
        {
            throw new InputException($"The members say that there are {lengths / sizeof(int)} documents, where the run has {count}.");
        }
        var listed = Listed.Sum(document => (long)document.Bytes);
        var isWrong = Listed.Count == count ? training + heldOut != listed : training + heldOut < listed;
        if (isWrong || training < 0 || heldOut < 0 || training > Corpus.MostBytes || heldOut > Corpus.MostBytes - training)
        {
            throw new InputException(
                $"The members say that the data have {training + heldOut} bytes, where the run's listed documents have {listed} and {Corpus.MostBytes} are the most.");
        }
    }

    /// <summary>As JSON.</summary>
    public JsonNode ToJson() => new JsonObject
    {
        ["training"] = TrainingCount,
        ["heldOut"] = HeldOutCount,
        ["digest"] = Digest.ToString("x32", CultureInfo.InvariantCulture),
        ["documents"] = new JsonArray([.. Listed.Select(d => (JsonNode)new JsonArray(
            FileName(d.Name), d.Bytes, d.Hash.ToString("x32", CultureInfo.InvariantCulture)))]),
    };

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static DataManifest Parse(JsonNode? json)
    {
        try
        {
            return new DataManifest(
                [.. json!["documents"]!.AsArray().Select(d => new CorpusDocument((string)d![0]!, (int)d[1]!, Hash((string)d[2]!)))],
                (int)json["training"]!,
                (int)json["heldOut"]!,
                Hash((string)json["digest"]!));
        }
        catch (Exception other) when (other is NullReferenceException or InvalidOperationException or FormatException or ArgumentOutOfRangeException)
        {
            throw new JsonException("it is no description of data", other);
        }
    }

    private static UInt128 Hash(string text) => UInt128.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static int Weight(CorpusDocument document) => (6 * FileName(document.Name).Length) + 60;

    private static string FileName(string name) => name[(name.LastIndexOfAny(['/', '\\']) + 1)..];

    private static UInt128 DigestOf(List<CorpusDocument> documents)
    {
        var hash = new XxHash128();
        Span<byte> entry = stackalloc byte[20];
        foreach (var document in documents)
        {
            BinaryPrimitives.WriteInt32LittleEndian(entry, document.Bytes);
            BinaryPrimitives.WriteUInt128LittleEndian(entry[4..], document.Hash);
            hash.Append(entry);
        }

        return hash.GetCurrentHashAsUInt128();
    }
}
