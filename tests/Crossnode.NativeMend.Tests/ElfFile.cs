using System.Buffers.Binary;
using System.Text;

namespace Crossnode.NativeMend.Tests;

/// <summary>Writes small ELF files, from the format's tables and independently of the reader under test.</summary>
/// <remarks>
/// One loaded segment maps the whole file at <see cref="Base"/>; the dynamic segment, the version records and the
/// names follow the headers.
/// </remarks>
internal static class ElfFile
{
    public const ushort X64 = 62;
    private const ulong Base = 0x10000;
    private const int Dynamic = 64 + (2 * 56);
    private const int Records = Dynamic + (4 * 16);

    /// <summary>A library that needs versions of one other library.</summary>
    public static byte[] Needing(string library, params string[] versions)
    {
        var (names, index) = Names([library, .. versions]);
        var records = new byte[16 + (16 * versions.Length)];
        Put16(records, 0, 1);
        Put16(records, 2, (ushort)versions.Length);
        Put32(records, 4, index[library]);
        Put32(records, 8, 16);
        for (var i = 0; i < versions.Length; i++)
        {
            var at = 16 + (16 * i);
            Put32(records, at, 0xABCD0000 + (uint)i);
            Put16(records, at + 6, (ushort)(i + 2));
            Put32(records, at + 8, index[versions[i]]);
            Put32(records, at + 12, i + 1 < versions.Length ? 16u : 0);
        }
        return Assemble(0x6FFFFFFE, 0x6FFFFFFF, 1, records, names);
    }

    /// <summary>A library that defines versions.</summary>
    public static byte[] Defining(params string[] versions)
    {
        var (names, index) = Names(versions);
        var records = new byte[28 * versions.Length];
        for (var i = 0; i < versions.Length; i++)
        {
            var at = 28 * i;
            Put16(records, at, 1);
            Put16(records, at + 4, (ushort)(i + 1));
            Put16(records, at + 6, 1);
            Put32(records, at + 12, 20);
            Put32(records, at + 16, i + 1 < versions.Length ? 28u : 0);
            Put32(records, at + 20, index[versions[i]]);
        }
        return Assemble(0x6FFFFFFC, 0x6FFFFFFD, versions.Length, records, names);
    }

    /// <summary>Where vna_flags of the n-th version lies in a file made by <see cref="Needing"/>.</summary>
    public static int FlagsOffset(int version) => Records + 16 + (16 * version) + 4;

    private static (byte[] Names, Dictionary<string, uint> Index) Names(string[] names)
    {
        var bytes = new List<byte> { 0 };
        var index = new Dictionary<string, uint>();
        foreach (var name in names)
        {
            index[name] = (uint)bytes.Count;
            bytes.AddRange([.. Encoding.ASCII.GetBytes(name), 0]);
        }
        return (bytes.ToArray(), index);
    }

    private static byte[] Assemble(ulong table, ulong countTag, int count, byte[] records, byte[] names)
    {
        var file = new byte[Records + records.Length + names.Length];
        byte[] identity = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(file, 0);
        Put16(file, 16, 3);
        Put16(file, 18, X64);
        Put64(file, 32, 64);
        Put16(file, 54, 56);
        Put16(file, 56, 2);
        Segment(file, 64, 1, 0, file.Length);
        Segment(file, 64 + 56, 2, Dynamic, 4 * 16);
        DynamicEntry(file, 0, table, Base + Records);
        DynamicEntry(file, 1, countTag, (ulong)count);
        DynamicEntry(file, 2, 5, Base + (ulong)(Records + records.Length));
        records.CopyTo(file, Records);
        names.CopyTo(file, Records + records.Length);
        return file;
    }

    private static void Segment(byte[] file, int at, uint type, int offset, int size)
    {
        Put32(file, at, type);
        Put64(file, at + 8, (ulong)offset);
        Put64(file, at + 16, Base + (ulong)offset);
        Put64(file, at + 32, (ulong)size);
        Put64(file, at + 40, (ulong)size);
    }

    private static void DynamicEntry(byte[] file, int index, ulong tag, ulong value)
    {
        Put64(file, Dynamic + (16 * index), tag);
        Put64(file, Dynamic + (16 * index) + 8, value);
    }

    private static void Put16(byte[] file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    private static void Put32(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    private static void Put64(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
