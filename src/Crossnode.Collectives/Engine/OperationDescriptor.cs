using System.Buffers.Binary;
using System.IO.Hashing;
using Crossnode.Core;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Engine;

/// <summary>What members must agree on about an operation; travels in credits and data frames.</summary>
internal sealed class OperationDescriptor
{
    private string? _text;

    private OperationDescriptor(FrameHeader fields) => Fields = fields;

    /// <summary>Kind, type, operator, number of parts, elements, hash: the fields of a credit.</summary>
    public FrameHeader Fields { get; }

    /// <summary>The whole operation in words, for error texts.</summary>
    public string Text => _text ??= Describe(Fields, Fields.Part);

    public ulong Hash => Fields.OperationHash;

    public static OperationDescriptor Of(OperationGroup group, OperationOptions options)
    {
        var hash = new XxHash64();
        Span<byte> bytes = stackalloc byte[24];
        long count = 0;
        foreach (var part in group.Parts)
        {
            bytes.Clear();
            bytes[0] = (byte)part.Kind;
            bytes[1] = (byte)part.Type;
            bytes[2] = (byte)part.Reduce;
            bytes[3] = (byte)part.Codec;
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], part.Root.Value);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], part.Receiver.Value);

            // What each member sends to each in an uneven all-to-all is between those two.
            BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], part.ReceiveCounts is null ? part.Count : -1);
            hash.Append(bytes);
            if (part.Counts is not null && part.ReceiveCounts is null)
            {
                Append(hash, part.Counts);
            }

            count += part.Count;
        }

        bytes.Clear();
        bytes[0] = (byte)TagModes.Of(options);
        bytes[1] = (byte)options.Algorithm;
        hash.Append(bytes);
        var first = group.Parts.Count > 0 ? group.Parts[0] : new OperationPart(CollectiveKind.Barrier, default, default, default, default);
        return new OperationDescriptor(new FrameHeader
        {
            Type = FrameType.Credit,
            Kind = first.Kind,
            Element = first.Type,
            Reduce = first.Reduce,
            Codec = (byte)first.Codec,
            Flags = options.BestEffort ? FrameHeader.BestEffortFlag : options.OnViewChange == OnViewChange.Report ? FrameHeader.ReportFlag : (byte)0,
            Part = checked((ushort)group.Parts.Count),
            Count = count,
            Root = first.Root.Value,
            OperationHash = hash.GetCurrentHashAsUInt64(),
        });
    }

    /// <summary>The fields of a frame in words.</summary>
    public static string Describe(in FrameHeader fields, int parts)
    {
        var name = OperationNames.Of(fields.Kind);
        var what = fields.Kind switch
        {
            CollectiveKind.Barrier => name,
            CollectiveKind.AllReduce or CollectiveKind.ReduceScatter =>
                $"{name} ({OperationNames.Of(fields.Reduce)}) of {fields.Count} {fields.Element.Name()}",
            CollectiveKind.Reduce =>
                $"{name} ({OperationNames.Of(fields.Reduce)}) to member {fields.Root} of {fields.Count} {fields.Element.Name()}",
            CollectiveKind.Gather => $"{name} to member {fields.Root} of {fields.Count} {fields.Element.Name()}",
            CollectiveKind.Broadcast or CollectiveKind.Scatter or CollectiveKind.SendReceive =>
                $"{name} from member {fields.Root} of {fields.Count} {fields.Element.Name()}",
            _ => $"{name} of {fields.Count} {fields.Element.Name()}",
        };
        var codec = fields.Codec != 0 ? $" as {(Codec)fields.Codec}" : "";
        var mode = (fields.Flags & FrameHeader.ReportFlag) != 0 ? ", reported on a view change"
            : (fields.Flags & FrameHeader.BestEffortFlag) != 0 ? ", best effort"
            : "";
        return parts > 1 ? $"a group of {parts} parts, first {what} in all{codec}{mode}" : what + codec + mode;
    }

    private static void Append(XxHash64 hash, IReadOnlyList<long> counts)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        foreach (var count in counts)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, count);
            hash.Append(bytes);
        }
    }
}
