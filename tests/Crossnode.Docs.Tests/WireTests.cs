using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.State;
using Crossnode.Protocol.Store;
using Crossnode.Protocol.Wire;
using Google.Protobuf.Reflection;

namespace Crossnode.Docs.Tests;

/// <summary>The protocol page describes the bytes that the code writes.</summary>
[Trait("tier", "unit")]
public sealed class WireTests
{
    private const string Page = "docs/reference/protocol.md";

    [Fact]
    public void Preamble_has_the_documented_layout()
    {
        var preamble = new Preamble
        {
            Major = 0x0102, Minor = 0x0304, Features = 5, Run = new RunId(6, 7), View = new ViewId(8, 9), Member = new MemberId(10),
            Incarnation = 11, Purpose = StreamPurpose.Control, Status = PreambleStatus.OldView, Authentication = new byte[12],
        };
        Check("table: preamble", preamble.ToArray(), Preamble.FixedSize, new()
        {
            ["magic"] = BinaryPrimitives.ReadUInt32LittleEndian("XNOD"u8),
            ["major"] = 0x0102,
            ["minor"] = 0x0304,
            ["features"] = 5,
            ["run, high half"] = 6,
            ["run, low half"] = 7,
            ["view, epoch"] = 8,
            ["view, nonce"] = 9,
            ["member"] = 10,
            ["incarnation"] = 11,
            ["purpose"] = (double)StreamPurpose.Control,
            ["status"] = (double)PreambleStatus.OldView,
            ["authentication length"] = 12,
            ["reserved"] = 0,
        });
    }

    [Fact]
    public void Frame_header_has_the_documented_layout()
    {
        var header = new FrameHeader
        {
            Type = FrameType.Data, Kind = CollectiveKind.AllReduce, Element = ElementType.Float64, Reduce = ReduceOperator.Average,
            Codec = 5, Flags = 6, Part = 7, Tag = 8, Step = 9, Sequence = 10, Count = 11, Offset = 12, Length = 13, Root = 14,
            WeightSum = 15.5, OperationHash = 16,
        };
        var bytes = new byte[FrameHeader.Size];
        header.Write(bytes);
        Check("table: header", bytes, FrameHeader.Size, new()
        {
            ["type"] = (double)FrameType.Data,
            ["kind"] = (double)CollectiveKind.AllReduce,
            ["element type"] = (double)ElementType.Float64,
            ["operator"] = (double)ReduceOperator.Average,
            ["codec"] = 5,
            ["flags"] = 6,
            ["part"] = 7,
            ["tag"] = 8,
            ["step"] = 9,
            ["sequence"] = 10,
            ["count"] = 11,
            ["offset"] = 12,
            ["length"] = 13,
            ["root"] = 14,
            ["weight sum"] = 15.5,
            ["operation hash"] = 16,
        });
    }

    [Fact]
    public void Every_message_is_documented()
    {
        var messages = ControlReflection.Descriptor.MessageTypes
            .Concat(StateReflection.Descriptor.MessageTypes)
            .Concat(StoreReflection.Descriptor.MessageTypes)
            .ToList();
        Assert.Equal(messages.Select(message => message.Name).Order(), Documents.Marked(Page, "proto").Order());
        Assert.All(messages, message => Assert.Equal(
            message.Fields.InFieldNumberOrder().Select(field => $"{field.FieldNumber} {field.Name} {TypeOf(field)}"),
            Documents.Table(Page, $"proto: {message.Name}").Select(row => string.Join(' ', row[..3]))));
    }

    [Fact]
    public void Version_is_the_documented_one() => Assert.Contains(
        string.Create(CultureInfo.InvariantCulture, $"Version {Preamble.CurrentMajor}.{Preamble.CurrentMinor}."), Documents.Text(Page), StringComparison.Ordinal);

    [Fact]
    public void Record_file_has_the_documented_header()
    {
        var folder = Directory.CreateTempSubdirectory("crossnode-docs");
        try
        {
            using var store = FileViewStore.Open(folder.FullName, new RunId(6, 7));
            store.Claim(new RunRecord { Expected = 4 });
            var bytes = File.ReadAllBytes(store.Name);
            Check("table: record file", bytes, 48, new()
            {
                ["magic"] = BinaryPrimitives.ReadUInt32LittleEndian("XNRR"u8),
                ["format"] = 1,
                ["reserved"] = 0,
                ["run, high half"] = 6,
                ["run, low half"] = 7,
                ["length"] = 4,
                ["reserved too"] = 0,
                ["hash, first half"] = BinaryPrimitives.ReadUInt64LittleEndian(XxHash128.Hash([.. bytes[..32], .. bytes[48..]])),
                ["hash, second half"] = BinaryPrimitives.ReadUInt64LittleEndian(XxHash128.Hash([.. bytes[..32], .. bytes[48..]]).AsSpan(8)),
            });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Check(string table, byte[] bytes, int size, Dictionary<string, double> expected)
    {
        var rows = Documents.Table(Page, table);
        Assert.Equal(expected.Keys, rows.Select(row => row[2]));
        var end = 0;
        foreach (var row in rows)
        {
            var offset = int.Parse(row[0], CultureInfo.InvariantCulture);
            Assert.Equal(end, offset);
            var (value, width) = Read(bytes.AsSpan(offset), row[1]);
            Assert.True(value == expected[row[2]], $"{row[2]} at {offset} is {value}, not {expected[row[2]]}");
            end = offset + width;
        }

        Assert.Equal(size, end);
    }

    private static (double Value, int Width) Read(ReadOnlySpan<byte> source, string type) => type switch
    {
        "u8" => (source[0], 1),
        "u16" => (BinaryPrimitives.ReadUInt16LittleEndian(source), 2),
        "u32" => (BinaryPrimitives.ReadUInt32LittleEndian(source), 4),
        "i32" => (BinaryPrimitives.ReadInt32LittleEndian(source), 4),
        "i64" => (BinaryPrimitives.ReadInt64LittleEndian(source), 8),
        "u64" => (BinaryPrimitives.ReadUInt64LittleEndian(source), 8),
        "f64" => (BinaryPrimitives.ReadDoubleLittleEndian(source), 8),
        _ => throw new InvalidOperationException($"the page has a type {type} that this test does not know"),
    };

    private static string TypeOf(FieldDescriptor field)
    {
        var name = field.FieldType switch
        {
            FieldType.Message => field.MessageType.Name,
            FieldType.Enum => field.EnumType.Name,
            _ => field.FieldType.ToString().ToLowerInvariant(),
        };
        return field.IsRepeated ? $"repeated {name}" : name;
    }
}
