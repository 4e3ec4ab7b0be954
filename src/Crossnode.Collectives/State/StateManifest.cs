using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Crossnode.Core;
using Crossnode.Protocol.State;
using Google.Protobuf;

namespace Crossnode.Collectives.State;

/// <summary>What one tensor of a version is: name, type, size, and a hash for each chunk.</summary>
/// <param name="Name">Unique within the manifest.</param>
/// <param name="Type">The type of each element.</param>
/// <param name="Count">The number of elements.</param>
/// <param name="ChunkHashes">XxHash128 of each chunk; the last chunk may be shorter.</param>
public sealed record TensorManifest(string Name, ElementType Type, long Count, IReadOnlyList<UInt128> ChunkHashes)
{
    /// <summary>The size in bytes.</summary>
    public long ByteLength => Count * Type.Size();
}

/// <summary>Where a chunk lies: the tensor by its position in the manifest, and the bytes within it.</summary>
public readonly record struct ChunkPlace(int Tensor, int Chunk, long Offset, int Length);

/// <summary>All that can be known of a version without its tensors' bytes.</summary>
/// <remarks>
/// Chunks are numbered through all tensors in the manifest's order. The total hash is XxHash128 over, little-endian: version i64,
/// chunk bytes u32, number of tensors u32; for each tensor the length of its name in UTF-8 u32, the name, element type u8, count i64,
/// its chunks' hashes (16 bytes each, the hash's own byte order); length of the blob u32, the blob.
/// </remarks>
public sealed class StateManifest
{
    /// <summary>The most tensors of a state.</summary>
    public const int MaxTensors = 1 << 16;

    /// <summary>The longest name of a tensor, in characters.</summary>
    public const int MaxNameLength = 1024;

    /// <summary>The largest blob in bytes.</summary>
    public const int MaxBlobBytes = 1 << 20;

    /// <summary>The largest chunk in bytes.</summary>
    public const int MaxChunkBytes = 16 << 20;

    internal const int HashBytes = 16;

    private readonly int[] _firstChunks;

    /// <summary>Puts a manifest together and computes its total hash.</summary>
    public StateManifest(long version, int chunkBytes, IReadOnlyList<TensorManifest> tensors, ReadOnlyMemory<byte> blob)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Version = version;
        ChunkBytes = chunkBytes;
        Tensors = tensors;
        Blob = blob;
        _firstChunks = new int[tensors.Count + 1];
        for (var tensor = 0; tensor < tensors.Count; tensor++)
        {
            _firstChunks[tensor + 1] = _firstChunks[tensor] + tensors[tensor].ChunkHashes.Count;
            TotalBytes += tensors[tensor].ByteLength;
        }

        TotalHash = ComputeTotal();
    }

    /// <summary>Which state it is: counts up as the state changes.</summary>
    public long Version { get; }

    /// <summary>The size of every chunk but the last of a tensor.</summary>
    public int ChunkBytes { get; }

    /// <summary>The tensors in the order in which they were offered.</summary>
    public IReadOnlyList<TensorManifest> Tensors { get; }

    /// <summary>The small part of the state that is no tensor.</summary>
    public ReadOnlyMemory<byte> Blob { get; }

    /// <summary>Equal on two members exactly when all of the state is.</summary>
    public UInt128 TotalHash { get; }

    /// <summary>Bytes of all tensors.</summary>
    public long TotalBytes { get; }

    /// <summary>Chunks of all tensors.</summary>
    public int ChunkCount => _firstChunks[^1];

    /// <summary>The hash of a chunk, by its number through all tensors.</summary>
    public UInt128 HashOf(in ChunkPlace place) => Tensors[place.Tensor].ChunkHashes[place.Chunk];

    /// <summary>Finds a chunk by its number through all tensors.</summary>
    public ChunkPlace Place(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)number, (uint)ChunkCount, nameof(number));
        var found = Array.BinarySearch(_firstChunks, number);
        var tensor = found >= 0 ? found : ~found - 1;
        while (_firstChunks[tensor + 1] == _firstChunks[tensor])
        {
            tensor++; // An empty tensor has no chunk.
        }

        var chunk = number - _firstChunks[tensor];
        var offset = (long)chunk * ChunkBytes;
        return new ChunkPlace(tensor, chunk, offset, (int)Math.Min(ChunkBytes, Tensors[tensor].ByteLength - offset));
    }

    /// <summary>The number of chunks that a tensor of so many bytes has.</summary>
    public static long ChunksOf(long bytes, int chunkBytes) => (bytes + chunkBytes - 1) / chunkBytes;

    /// <summary>The record that travels.</summary>
    public ManifestRecord ToRecord()
    {
        var record = new ManifestRecord
        {
            Version = Version,
            ChunkBytes = (uint)ChunkBytes,
            Blob = ByteString.CopyFrom(Blob.Span),
            TotalHash = ByteString.CopyFrom(Bytes([TotalHash])),
        };
        foreach (var tensor in Tensors)
        {
            record.Tensors.Add(new TensorRecord
            {
                Name = tensor.Name,
                ElementType = (uint)tensor.Type,
                Count = tensor.Count,
                ChunkHashes = ByteString.CopyFrom(Bytes(tensor.ChunkHashes)),
            });
        }

        return record;
    }

    /// <summary>Reads a record as it came from a holder.</summary>
    /// <returns>False with the reason when it is no manifest: a size out of bounds, hashes that do not fit, another total.</returns>
    public static bool TryRead(
        ManifestRecord record, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out StateManifest? manifest, out string? error)
    {
        ArgumentNullException.ThrowIfNull(record);
        manifest = null;
        error = Complaint(record);
        if (error is not null)
        {
            return false;
        }

        var chunkBytes = (int)record.ChunkBytes;
        var names = new HashSet<string>(StringComparer.Ordinal);
        var tensors = new TensorManifest[record.Tensors.Count];
        for (var index = 0; index < tensors.Length; index++)
        {
            var tensor = record.Tensors[index];
            error = names.Add(tensor.Name) ? Complaint(tensor, chunkBytes) : $"two tensors '{tensor.Name}'";
            if (error is not null)
            {
                return false;
            }

            tensors[index] = new TensorManifest(
                tensor.Name, (ElementType)tensor.ElementType, tensor.Count, Hashes(tensor.ChunkHashes.Span));
        }

        var read = new StateManifest(record.Version, chunkBytes, tensors, record.Blob.Memory);
        if (!record.TotalHash.Span.SequenceEqual(Bytes([read.TotalHash])))
        {
            error = "a manifest whose total hash is not that of its content";
            return false;
        }

        manifest = read;
        return true;
    }

    private static string? Complaint(ManifestRecord record) =>
        record.ChunkBytes is 0 or > MaxChunkBytes ? $"a manifest with chunks of {record.ChunkBytes} bytes (1 to {MaxChunkBytes})"
        : record.Tensors.Count > MaxTensors ? $"a manifest of {record.Tensors.Count} tensors (at most {MaxTensors})"
        : record.Blob.Length > MaxBlobBytes ? $"a manifest with a blob of {record.Blob.Length} bytes (at most {MaxBlobBytes})"
        : null;

    private static string? Complaint(TensorRecord tensor, int chunkBytes)
    {
        if (tensor.Name.Length is 0 or > MaxNameLength)
        {
            return $"a tensor with a name of {tensor.Name.Length} characters (1 to {MaxNameLength})";
        }

        var type = (ElementType)Math.Min(tensor.ElementType, byte.MaxValue);
        if (!type.IsKnown())
        {
            return $"tensor '{tensor.Name}' of element type {tensor.ElementType}, which this version does not know";
        }

        if (tensor.Count < 0 || tensor.Count > long.MaxValue / 16)
        {
            return $"tensor '{tensor.Name}' of {tensor.Count} elements";
        }

        var chunks = ChunksOf(tensor.Count * type.Size(), chunkBytes);
        return tensor.ChunkHashes.Length == chunks * HashBytes
            ? null
            : $"tensor '{tensor.Name}' with {tensor.ChunkHashes.Length} bytes of hashes for {chunks} chunks";
    }

    private static UInt128[] Hashes(ReadOnlySpan<byte> bytes)
    {
        var hashes = new UInt128[bytes.Length / HashBytes];
        for (var chunk = 0; chunk < hashes.Length; chunk++)
        {
            hashes[chunk] = BinaryPrimitives.ReadUInt128BigEndian(bytes[(chunk * HashBytes)..]);
        }

        return hashes;
    }

    private static byte[] Bytes(IReadOnlyList<UInt128> hashes)
    {
        var bytes = new byte[hashes.Count * HashBytes];
        for (var chunk = 0; chunk < hashes.Count; chunk++)
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(chunk * HashBytes), hashes[chunk]);
        }

        return bytes;
    }

    private UInt128 ComputeTotal()
    {
        var hash = new XxHash128();
        Span<byte> number = stackalloc byte[sizeof(long)];
        Append64(Version, number);
        Append32(ChunkBytes, number);
        Append32(Tensors.Count, number);
        foreach (var tensor in Tensors)
        {
            var name = Encoding.UTF8.GetBytes(tensor.Name);
            Append32(name.Length, number);
            hash.Append(name);
            number[0] = (byte)tensor.Type;
            hash.Append(number[..1]);
            Append64(tensor.Count, number);
            hash.Append(Bytes(tensor.ChunkHashes));
        }

        Append32(Blob.Length, number);
        hash.Append(Blob.Span);
        return hash.GetCurrentHashAsUInt128();

        void Append64(long value, Span<byte> scratch)
        {
            BinaryPrimitives.WriteInt64LittleEndian(scratch, value);
            hash.Append(scratch);
        }

        void Append32(int value, Span<byte> scratch)
        {
            BinaryPrimitives.WriteInt32LittleEndian(scratch, value);
            hash.Append(scratch[..sizeof(int)]);
        }
    }
}
