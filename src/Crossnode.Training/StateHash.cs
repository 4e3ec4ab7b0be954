using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using Crossnode.Training.Buffers;

namespace Crossnode.Training;

/// <summary>A digest by which members compare state: XxHash128 over types, counts and elements. It finds drift, not forgers.</summary>
/// <param name="High">The first eight bytes.</param>
/// <param name="Low">The last eight bytes.</param>
public readonly record struct StateHash(ulong High, ulong Low)
{
    private const int ChunkBytes = 1 << 26;

    /// <summary>Hashes buffers in order. The bytes are those in memory, so members must share a byte order.</summary>
    public static unsafe StateHash Of(IEnumerable<FlatBuffer> buffers)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        var hash = new XxHash128();
        Span<byte> header = stackalloc byte[9];
        foreach (var buffer in buffers)
        {
            header[0] = (byte)buffer.Type;
            BinaryPrimitives.WriteInt64LittleEndian(header[1..], buffer.Count);
            hash.Append(header);
            for (var at = 0L; at < buffer.ByteLength; at += ChunkBytes)
            {
                var length = (int)Math.Min(ChunkBytes, buffer.ByteLength - at);
                hash.Append(new ReadOnlySpan<byte>((byte*)buffer.Pointer + at, length));
            }
        }

        var value = hash.GetCurrentHashAsUInt128();
        return new StateHash((ulong)(value >> 64), (ulong)value);
    }

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");
}
