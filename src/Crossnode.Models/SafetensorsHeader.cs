using System.Buffers.Binary;
using System.Text.Json;

namespace Crossnode.Models;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Type">Element type, as the format spells it.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="Start">First byte, counted from the start of the data.</param>
/// <param name="End">The byte after its last.</param>
internal sealed record SafetensorsEntry(string Type, long[] Shape, long Start, long End);

/// <summary>The head of a safetensors file: 8 bytes of length, then JSON that names tensors, shapes, places and metadata.</summary>
internal sealed class SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";

    /// <summary>The format's own limit.</summary>
    private const long LargestHeader = 100_000_000;

    private SafetensorsHeader(Dictionary<string, string> metadata, Dictionary<string, SafetensorsEntry> tensors, long dataStart, long dataBytes)
    {
        (Metadata, Tensors, DataStart, DataBytes) = (metadata, tensors, dataStart, dataBytes);
    }

    /// <summary>Free text by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Tensors { get; }

    /// <summary>Where in the file the first tensor begins.</summary>
    public long DataStart { get; }

    /// <summary>Bytes that the tensors take together.</summary>
    public long DataBytes { get; }

    /// <summary>Reads the head; the stream stands at its start.</summary>
    /// <exception cref="InvalidDataException">It is none; the message completes "FILE ...".</exception>
    public static SafetensorsHeader Read(Stream stream)
    {
        try
        {
            Span<byte> prefix = stackalloc byte[sizeof(long)];
            stream.ReadExactly(prefix);
            var length = BinaryPrimitives.ReadInt64LittleEndian(prefix);
            if (length is < 2 or > LargestHeader || length > stream.Length - prefix.Length)
            {
                throw new InvalidDataException("is not a safetensors file, or is cut short");
            }
            var json = new byte[length];
            stream.ReadExactly(json);
            return Parse(json, prefix.Length + length);
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException("is not a safetensors file, or is cut short", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("is not a safetensors file, or is damaged", e);
        }
    }

    /// <summary>Copies a safetensors file and puts metadata into its head.</summary>
    /// <param name="source">A file without metadata.</param>
    /// <param name="target">Receives the same tensors.</param>
    /// <param name="metadata">What to put there.</param>
    public static void CopyWithMetadata(Stream source, Stream target, IReadOnlyDictionary<string, string> metadata)
    {
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        source.ReadExactly(prefix);
        var json = new byte[BinaryPrimitives.ReadInt64LittleEndian(prefix)];
        source.ReadExactly(json);

        var merged = new MemoryStream();
        using (var writer = new Utf8JsonWriter(merged))
        using (var entries = JsonDocument.Parse(json))
        {
            writer.WriteStartObject();
            writer.WritePropertyName(MetadataKey);
            JsonSerializer.Serialize(writer, metadata);
            foreach (var entry in entries.RootElement.EnumerateObject().Where(e => e.Name != MetadataKey))
            {
                entry.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        // The format asks that the tensors begin at a multiple of 8 bytes; spaces after the JSON fill up.
        while (merged.Length % sizeof(long) != 0)
        {
            merged.WriteByte((byte)' ');
        }
        BinaryPrimitives.WriteInt64LittleEndian(prefix, merged.Length);
        target.Write(prefix);
        merged.WriteTo(target);
        source.CopyTo(target);
    }

    private static SafetensorsHeader Parse(byte[] json, long dataStart)
    {
        using var document = JsonDocument.Parse(json);
        var metadata = new Dictionary<string, string>();
        var tensors = new Dictionary<string, SafetensorsEntry>();
        long end = 0;
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            if (entry.Name == MetadataKey)
            {
                metadata = entry.Value.EnumerateObject().ToDictionary(e => e.Name, e => e.Value.GetString() ?? "");
                continue;
            }
            var offsets = entry.Value.GetProperty("data_offsets");
            var tensor = new SafetensorsEntry(
                entry.Value.GetProperty("dtype").GetString() ?? "",
                [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())],
                offsets[0].GetInt64(),
                offsets[1].GetInt64());
            tensors.Add(entry.Name, tensor);
            end = Math.Max(end, tensor.End);
        }
        return new SafetensorsHeader(metadata, tensors, dataStart, end);
    }
}
