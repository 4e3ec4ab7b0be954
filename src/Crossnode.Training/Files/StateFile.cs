using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text.Json;
using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Training.Files;

/// <summary>One named run of elements in a state file.</summary>
public readonly record struct StateFileTensor(string Name, TensorBuffer Buffer);

/// <summary>Named tensors and texts in one safetensors file, with a checksum over all of it.</summary>
/// <remarks>
/// The metadata key crossnode.checksum holds XxHash128 over the data, and crossnode.head the same over the other metadata, so
/// that a flipped bit is found and not trained on. Bytes are little-endian, as the format asks.
/// </remarks>
public sealed class StateFile
{
    private const string ChecksumKey = "crossnode.checksum";
    private const string HeadKey = "crossnode.head";
    private const string MetadataKey = "__metadata__";
    private const long LargestHeader = 100_000_000;
    private const int BlockBytes = 1 << 20;

    private readonly Dictionary<string, (ElementType Type, long Start, long Bytes)> _tensors;
    private readonly long _dataStart;

    private StateFile(
        string path,
        IReadOnlyDictionary<string, string> metadata,
        Dictionary<string, (ElementType Type, long Start, long Bytes)> tensors,
        long dataStart)
    {
        Path = path;
        Metadata = metadata;
        _tensors = tensors;
        _dataStart = dataStart;
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Texts by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors' names.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Writes a file that appears whole or not at all; an older one under that name stays until then.</summary>
    /// <exception cref="InputException">It cannot be written; the text says why.</exception>
    public static void Save(
        string path, IReadOnlyList<StateFileTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in metadata)
        {
            all[key] = value;
        }

        all[HeadKey] = HeadChecksum(all);
        all[ChecksumKey] = Checksum(tensors);
        try
        {
            using var file = new AtomicFile(path);
            WriteHeader(file.Stream, tensors, all);
            foreach (var tensor in tensors)
            {
                Each(tensor.Buffer, file.Stream.Write);
            }

            file.Commit();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The checkpoint {path} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Reads the head and checks the whole file against its checksums.</summary>
    /// <exception cref="InputException">It is not there, no such file, cut short or damaged.</exception>
    public static StateFile Open(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var file = ReadHeader(path, stream);
            if (file.Metadata.GetValueOrDefault(HeadKey) != HeadChecksum(file.Metadata)
                || file.Metadata.GetValueOrDefault(ChecksumKey) != Checksum(stream))
            {
                throw Damaged(path, "its checksum does not fit its content");
            }

            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"The checkpoint {path} cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw new InputException($"The checkpoint {path} is no safetensors file, or is damaged: use another one.", e);
        }
    }

    /// <summary>Reads one tensor into memory of the same type and size.</summary>
    /// <exception cref="InputException">There is none of that name, type and size; the memory is as it was.</exception>
    public unsafe void Read(string name, TensorBuffer target)
    {
        if (!_tensors.TryGetValue(name, out var tensor) || tensor.Type != target.Type || tensor.Bytes != target.ByteLength)
        {
            throw new InputException(
                $"The checkpoint {Path} is of another model: its tensor {name} is missing or has another type or size. Use another one.");
        }

        using var stream = File.OpenRead(Path);
        stream.Position = _dataStart + tensor.Start;
        using var pinned = target.Pin();
        for (var at = 0L; at < tensor.Bytes; at += BlockBytes)
        {
            stream.ReadExactly(new Span<byte>(pinned.Address + at, (int)Math.Min(BlockBytes, tensor.Bytes - at)));
        }
    }

    private static void WriteHeader(
        Stream stream, IReadOnlyList<StateFileTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var head = new MemoryStream();
        using (var writer = new Utf8JsonWriter(head))
        {
            writer.WriteStartObject();
            writer.WriteStartObject(MetadataKey);
            foreach (var (key, value) in metadata)
            {
                writer.WriteString(key, value);
            }

            writer.WriteEndObject();
            var start = 0L;
            foreach (var (name, buffer) in tensors)
            {
                writer.WriteStartObject(name);
                writer.WriteString("dtype", NameOf(buffer.Type));
                writer.WriteStartArray("shape");
                writer.WriteNumberValue(buffer.Count);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(start);
                writer.WriteNumberValue(start += buffer.ByteLength);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        // The format asks that the data begin at a multiple of 8 bytes; spaces after the JSON fill up.
        while (head.Length % sizeof(long) != 0)
        {
            head.WriteByte((byte)' ');
        }

        Span<byte> prefix = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, head.Length);
        stream.Write(prefix);
        head.WriteTo(stream);
    }

    private static StateFile ReadHeader(string path, FileStream stream)
    {
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        if (stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length)
        {
            throw Damaged(path, "it is cut short");
        }

        var length = BinaryPrimitives.ReadInt64LittleEndian(prefix);
        if (length is < 2 or > LargestHeader)
        {
            throw new InputException($"The checkpoint {path} is no safetensors file: use one that crossnode wrote.");
        }

        var json = new byte[length];
        if (stream.ReadAtLeast(json, json.Length, throwOnEndOfStream: false) < json.Length)
        {
            throw Damaged(path, "it is cut short");
        }

        using var document = JsonDocument.Parse(json);
        var metadata = new Dictionary<string, string>();
        var tensors = new Dictionary<string, (ElementType, long, long)>();
        var end = 0L;
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            if (entry.Name == MetadataKey)
            {
                metadata = entry.Value.EnumerateObject().ToDictionary(e => e.Name, e => e.Value.GetString() ?? "");
                continue;
            }

            var offsets = entry.Value.GetProperty("data_offsets");
            var (start, stop) = (offsets[0].GetInt64(), offsets[1].GetInt64());
            var type = TypeOf(entry.Value.GetProperty("dtype").GetString())
                ?? throw Damaged(path, $"its tensor {entry.Name} has a type that this program does not know");
            if (start != end || stop < start || (stop - start) % type.Size() != 0)
            {
                throw Damaged(path, $"its tensor {entry.Name} does not lie where it should");
            }

            tensors.Add(entry.Name, (type, start, stop - start));
            end = stop;
        }

        var dataStart = prefix.Length + length;
        if (stream.Length - dataStart != end)
        {
            throw Damaged(path, $"it is cut short: it has {stream.Length} bytes and should have {dataStart + end}");
        }

        return new StateFile(path, metadata, tensors, dataStart);
    }

    private static string HeadChecksum(IReadOnlyDictionary<string, string> metadata)
    {
        var hash = new XxHash128();
        foreach (var (key, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (key is not (HeadKey or ChecksumKey))
            {
                hash.Append(JsonSerializer.SerializeToUtf8Bytes(new[] { key, value }));
            }
        }

        return Text(hash);
    }

    private static string Checksum(IReadOnlyList<StateFileTensor> tensors)
    {
        var hash = new XxHash128();
        foreach (var tensor in tensors)
        {
            Each(tensor.Buffer, hash.Append);
        }

        return Text(hash);
    }

    private static string Checksum(Stream stream)
    {
        var hash = new XxHash128();
        hash.Append(stream);
        return Text(hash);
    }

    private static string Text(XxHash128 hash) =>
        hash.GetCurrentHashAsUInt128().ToString("x32", CultureInfo.InvariantCulture);

    private static unsafe void Each(TensorBuffer buffer, ReadOnlySpanAction action)
    {
        using var pinned = buffer.Pin();
        for (var at = 0L; at < buffer.ByteLength; at += BlockBytes)
        {
            action(new ReadOnlySpan<byte>(pinned.Address + at, (int)Math.Min(BlockBytes, buffer.ByteLength - at)));
        }
    }

    private delegate void ReadOnlySpanAction(ReadOnlySpan<byte> bytes);

    private static string NameOf(ElementType type) => type switch
    {
        ElementType.Float16 => "F16",
        ElementType.BFloat16 => "BF16",
        ElementType.Float32 => "F32",
        _ => "F64",
    };

    private static ElementType? TypeOf(string? name) => name switch
    {
        "F16" => ElementType.Float16,
        "BF16" => ElementType.BFloat16,
        "F32" => ElementType.Float32,
        "F64" => ElementType.Float64,
        _ => null,
    };

    private static InputException Damaged(string path, string how) =>
        new($"The checkpoint {path} is damaged: {how}. Use another one.");
}
