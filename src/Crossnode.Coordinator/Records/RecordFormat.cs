using System.Buffers.Binary;
using System.IO.Hashing;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Store;
using Google.Protobuf;

namespace Crossnode.Coordinator.Records;

/// <summary>The bytes of a record file: a header of 48 bytes, then a <see cref="RunRecord"/>. See docs/reference/protocol.md.</summary>
internal static class RecordFormat
{
    public const int HeaderSize = 48;
    public const ushort Format = 1;

    private const int HashOffset = 32;

    // Far above the record of the largest view.
    private const int MaxLength = 64 << 20;

    private static ReadOnlySpan<byte> Magic => "XNRR"u8;

    public static byte[] ToBytes(RunId run, RunRecord record)
    {
        var bytes = new byte[HeaderSize + record.CalculateSize()];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), Format);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), run.High);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), run.Low);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(24), bytes.Length - HeaderSize);
        record.WriteTo(bytes.AsSpan(HeaderSize));
        Hash(bytes).CopyTo(bytes, HashOffset);
        return bytes;
    }

    public static RunRecord Read(byte[] bytes, RunId run, string path)
    {
        if (bytes.Length < HeaderSize || !bytes.AsSpan(0, 4).SequenceEqual(Magic))
        {
            throw new InputException(
                $"{path} is not the record of a run ({bytes.Length} bytes); restore it from a copy, or move it away and let the coordinator"
                + " make the record again from its members");
        }

        var format = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(4));
        if (format > Format)
        {
            throw new InputException(
                $"{path} has format {format}, and this program knows formats up to {Format}: start the version that wrote it, or a newer one");
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(24));
        if (length is < 0 or > MaxLength || length != bytes.Length - HeaderSize || !Hash(bytes).AsSpan().SequenceEqual(bytes.AsSpan(HashOffset, 16)))
        {
            throw new InputException(
                $"{path} is damaged: it has {bytes.Length} bytes, and its checksum or its length is wrong; restore it from a copy, or move it"
                + " away and let the coordinator make the record again from its members");
        }

        var theirs = new RunId(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(16)));
        if (theirs != run)
        {
            throw new InputException($"{path} is the record of run {theirs}, not of run {run}: name the other file, or the other run");
        }

        return RunRecord.Parser.ParseFrom(bytes, HeaderSize, length);
    }

    private static byte[] Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = new XxHash128();
        hash.Append(bytes[..HashOffset]);
        hash.Append(bytes[HeaderSize..]);
        return hash.GetCurrentHash();
    }
}
