using System.Buffers.Binary;
using System.Text;

namespace Crossnode.Transport;

/// <summary>What the connecting process says first, and the answer.</summary>
/// <remarks>
/// Little endian, like the counters; the processes share a machine. The hello:
/// <code>
/// 0   magic       4 bytes   CNSM
/// 4   version     2 bytes
/// 6   name length 2 bytes
/// 8   ring bytes  8 bytes
/// 16  name        80 bytes  of the file, without its directory; zeros fill the rest
/// </code>
/// The answer: magic, version, and 2 bytes of <see cref="SharedMemoryAnswer"/>.
/// </remarks>
internal static class SharedMemoryHello
{
    public const int Bytes = 16 + SharedMemoryName.LongestBytes;
    public const int AnswerBytes = 8;
    public const ushort Version = 1;
    private const int NameOffset = 16;

    private static ReadOnlySpan<byte> Magic => "CNSM"u8;

    public static void Write(Span<byte> hello, string name, SharedMemoryLayout layout)
    {
        hello.Clear();
        WriteStart(hello, (ushort)name.Length);
        BinaryPrimitives.WriteInt64LittleEndian(hello[8..], layout.RingBytes);
        Encoding.ASCII.GetBytes(name, hello[NameOffset..]);
    }

    public static SharedMemoryAnswer Read(ReadOnlySpan<byte> hello, out string name, out SharedMemoryLayout layout)
    {
        (name, layout) = ("", default);
        if (!TryReadStart(hello, out var length))
        {
            return SharedMemoryAnswer.OtherVersion;
        }

        var ringBytes = BinaryPrimitives.ReadInt64LittleEndian(hello[8..]);
        if (length > SharedMemoryName.LongestBytes || !SharedMemoryLayout.IsRingSize(ringBytes))
        {
            return SharedMemoryAnswer.OddFile;
        }

        name = Encoding.ASCII.GetString(hello.Slice(NameOffset, length));
        layout = new SharedMemoryLayout((int)ringBytes);
        return SharedMemoryAnswer.Mapped;
    }

    public static void WriteAnswer(Span<byte> answer, SharedMemoryAnswer what) => WriteStart(answer, (ushort)what);

    public static SharedMemoryAnswer ReadAnswer(ReadOnlySpan<byte> answer) =>
        TryReadStart(answer, out var what) ? (SharedMemoryAnswer)what : SharedMemoryAnswer.OtherVersion;

    private static void WriteStart(Span<byte> bytes, ushort last)
    {
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], last);
    }

    private static bool TryReadStart(ReadOnlySpan<byte> bytes, out ushort last)
    {
        last = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]);
        return bytes.StartsWith(Magic) && BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]) == Version;
    }
}

/// <summary>What the listening process made of a hello.</summary>
internal enum SharedMemoryAnswer : ushort
{
    /// <summary>Both have the file in memory.</summary>
    Mapped = 0,

    /// <summary>The other side is no process of this kind, or speaks another version.</summary>
    OtherVersion = 1,

    /// <summary>The file cannot be opened, or is not what was said.</summary>
    OddFile = 2,

    /// <summary>The file cannot be mapped.</summary>
    NoMemory = 3,
}
