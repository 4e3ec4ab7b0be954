using System.Buffers.Binary;
using System.Text;

namespace Crossnode.NativeMend;

/// <summary>A 64-bit little-endian ELF file, read the way the loader does: through its segments, not its sections.</summary>
/// <remarks>Every read is checked against the file's length, so that a truncated file is an
/// <see cref="ElfFormatException"/> and never a wrong answer.</remarks>
internal sealed class ElfImage
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int DynamicEntrySize = 16;
    private const uint SegmentLoad = 1;
    private const uint SegmentDynamic = 2;
    private const long DynamicStrings = 5;

    private readonly byte[] _bytes;
    private readonly List<Segment> _loaded = [];
    private readonly Dictionary<long, ulong> _dynamic = [];

    /// <exception cref="ElfFormatException">The content is no such file, or is cut short.</exception>
    public ElfImage(byte[] bytes)
    {
        _bytes = bytes;
        if (bytes.Length < HeaderSize || !bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F']))
        {
            throw new ElfFormatException("it is not an ELF file");
        }
        if (bytes[4] != 2 || bytes[5] != 1)
        {
            throw new ElfFormatException("it is not a 64-bit little-endian ELF file");
        }
        Machine = UInt16(18);
        ReadSegments();
    }

    /// <summary>The processor that the file is for (e_machine).</summary>
    public ushort Machine { get; }

    /// <summary>Reads the value of an entry of the dynamic section, if it is there.</summary>
    public bool TryGetDynamic(long tag, out ulong value) => _dynamic.TryGetValue(tag, out value);

    /// <summary>Turns an address in memory into a place in the file.</summary>
    public long OffsetOf(ulong address)
    {
        foreach (var segment in _loaded)
        {
            if (address >= segment.Address && address - segment.Address < segment.FileSize)
            {
                return Offset(segment.Offset) + Offset(address - segment.Address);
            }
        }
        throw new ElfFormatException($"no segment holds the address 0x{address:X}");
    }

    /// <summary>Reads a name from the dynamic string table.</summary>
    public string Name(uint index)
    {
        if (!_dynamic.TryGetValue(DynamicStrings, out var table))
        {
            throw new ElfFormatException("it has no dynamic string table");
        }
        var rest = Slice(OffsetOf(table + index), 1, toEnd: true);
        var length = rest.IndexOf((byte)0);
        return length >= 0 ? Encoding.UTF8.GetString(rest[..length]) : throw new ElfFormatException("a name does not end");
    }

    public ushort UInt16(long offset) => BinaryPrimitives.ReadUInt16LittleEndian(Slice(offset, sizeof(ushort)));

    public uint UInt32(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(Slice(offset, sizeof(uint)));

    private ulong UInt64(long offset) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(offset, sizeof(ulong)));

    private void ReadSegments()
    {
        var table = Offset(UInt64(32));
        int size = UInt16(54), count = UInt16(56);
        if (count > 0 && size < ProgramHeaderSize)
        {
            throw new ElfFormatException("its program headers are too small");
        }
        Segment? dynamic = null;
        for (var i = 0; i < count; i++)
        {
            var at = table + ((long)i * size);
            var segment = new Segment(UInt64(at + 16), UInt64(at + 8), UInt64(at + 32));
            var type = UInt32(at);
            if (type == SegmentLoad)
            {
                _loaded.Add(segment);
            }
            else if (type == SegmentDynamic)
            {
                dynamic = segment;
            }
        }
        if (dynamic is { } found)
        {
            ReadDynamic(Offset(found.Offset), Offset(found.FileSize));
        }
    }

    private void ReadDynamic(long start, long size)
    {
        for (long at = 0; at + DynamicEntrySize <= size; at += DynamicEntrySize)
        {
            var tag = (long)UInt64(start + at);
            if (tag == 0)
            {
                return;
            }
            _dynamic.TryAdd(tag, UInt64(start + at + 8));
        }
    }

    private long Offset(ulong value) =>
        value <= (ulong)_bytes.Length ? (long)value : throw new ElfFormatException("it is cut short");

    private ReadOnlySpan<byte> Slice(long offset, int count, bool toEnd = false)
    {
        if (offset < 0 || offset > _bytes.Length - count)
        {
            throw new ElfFormatException("it is cut short");
        }
        return toEnd ? _bytes.AsSpan((int)offset) : _bytes.AsSpan((int)offset, count);
    }

    private readonly record struct Segment(ulong Address, ulong Offset, ulong FileSize);
}

/// <summary>A file is not what it should be; the message completes "cannot read FILE: ...".</summary>
internal sealed class ElfFormatException(string message) : Exception(message);
