using System.Buffers.Binary;
using System.IO.Hashing;
using Crossnode.Core.Errors;
using Crossnode.Training.Files;

namespace Crossnode.Models.Text;

/// <summary>The file in which a launcher hands a corpus to its workers.</summary>
/// <remarks>
/// Little-endian: magic "XNCORPUS" (8 bytes), format version (4), bytes of training text (4), bytes of held-out text (4), bytes of
/// the documents' lengths (4), XxHash64 of these three (8), training text, held-out text, lengths.
/// </remarks>
internal static class CorpusFile
{
    private const int HeaderSize = 32;
    private const int FormatVersion = 2;

    private static ReadOnlySpan<byte> Magic => "XNCORPUS"u8;

    public static void Write(string path, Corpus corpus)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], corpus.Training.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], corpus.HeldOut.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], corpus.Lengths.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], HashOf(corpus.Training.Span, corpus.HeldOut.Span, corpus.Lengths.Span));
        using var target = new AtomicFile(path);
        target.Stream.Write(header);
        target.Stream.Write(corpus.Training.Span);
        target.Stream.Write(corpus.HeldOut.Span);
        target.Stream.Write(corpus.Lengths.Span);
        target.Commit();
    }

    public static Corpus Read(string path)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The prepared corpus {path} cannot be read: {e.Message}", e);
        }
        if (file.Length < HeaderSize || !file.AsSpan().StartsWith(Magic))
        {
            throw new InputException($"{path} is not a prepared corpus: delete it and start the run again.");
        }
        var version = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(8));
        if (version != FormatVersion)
        {
            throw new InputException($"The prepared corpus {path} has format {version}, this program reads {FormatVersion}: delete it and start the run again.");
        }
        int training = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(12)), heldOut = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(16));
        var lengths = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(20));
        if (training < 0 || heldOut < 0 || lengths < 0 || (long)HeaderSize + training + heldOut + lengths != file.Length)
        {
            throw Damaged(path);
        }
        var (first, second) = (HeaderSize + training, HeaderSize + training + heldOut);
        return HashOf(file.AsSpan(HeaderSize, training), file.AsSpan(first, heldOut), file.AsSpan(second)) == BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(24))
            ? new Corpus(file[HeaderSize..first], file[first..second], report: null, file[second..])
            : throw Damaged(path);
    }

    private static InputException Damaged(string path) =>
        new($"The prepared corpus {path} is cut short or damaged: delete it and start the run again.");

    private static ulong HashOf(ReadOnlySpan<byte> training, ReadOnlySpan<byte> heldOut, ReadOnlySpan<byte> lengths)
    {
        var hash = new XxHash64();
        hash.Append(training);
        hash.Append(heldOut);
        hash.Append(lengths);
        return hash.GetCurrentHashAsUInt64();
    }
}
