using System.Buffers.Binary;
using System.Globalization;
using Crossnode.Core.Errors;

namespace Crossnode.Models.Text;

/// <summary>Cuts joined texts into the documents of which they are made, by lengths that others gave.</summary>
internal sealed class DocumentCuts(DataManifest wanted, byte[] lengths)
{
    private int _next;

    /// <summary>Describes the next documents, which make all of a text.</summary>
    /// <exception cref="InputException">They do not.</exception>
    public IReadOnlyList<CorpusDocument> Take(int count, byte[] text)
    {
        var runs = (long)wanted.TrainingCount + wanted.HeldOutCount;
        if (lengths.Length != sizeof(int) * runs)
        {
            throw new InputException($"The members gave lengths of {lengths.Length / sizeof(int)} documents, where the run has {runs}.");
        }
        var documents = new List<CorpusDocument>();
        var at = 0;
        for (var left = count; left > 0; left--, _next++)
        {
            var bytes = BinaryPrimitives.ReadInt32LittleEndian(lengths.AsSpan(_next * sizeof(int)));
            if (bytes < 0 || bytes > text.Length - at)
            {
                throw Wrong(text);
            }
            documents.Add(new CorpusDocument(NameOf(_next), bytes, Document.HashOf(text.AsSpan(at, bytes))));
            at += bytes;
        }
        return at == text.Length ? documents : throw Wrong(text);
    }

    private string NameOf(int document) =>
        document < wanted.Listed.Count ? wanted.Listed[document].Name : string.Create(CultureInfo.InvariantCulture, $"document {document + 1}");

    private static InputException Wrong(byte[] text) =>
        new($"The members gave {text.Length} bytes of text, and lengths of documents that do not add up to them.");
}
