using System.Buffers.Binary;
using System.IO.Hashing;
using Crossnode.Core;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Engine;

/// <summary>What members must agree on about an operation; travels in credits and data frames.</summary>
internal sealed class OperationDescriptor
{
    private OperationDescriptor(FrameHeader fields, string text)
    {
        Fields = fields;
        Text = text;
    }

    /// <summary>Kind, type, operator, number of parts, elements, hash: the fields of a credit.</summary>
    public FrameHeader Fields { get; }

    /// <summary>The whole operation in words, for error texts.</summary>
    public string Text { get; }

    public ulong Hash => Fields.OperationHash;

    public static OperationDescriptor Of(OperationGroup group, OnViewChange onViewChange)
    {
        var hash = new XxHash64();
        Span<byte> bytes = stackalloc byte[16];
        long count = 0;
        foreach (var part in group.Parts)
        {
            bytes.Clear();
            bytes[0] = (byte)part.Kind;
            bytes[1] = (byte)part.Source.Type;
            bytes[2] = (byte)part.Reduce;
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], part.Root.Value);
            BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], part.Source.Count);
            hash.Append(bytes);
            count += part.Source.Count;
        }

        bytes.Clear();
        bytes[0] = (byte)onViewChange;
        hash.Append(bytes);
        var first = group.Parts.Count > 0 ? group.Parts[0] : new OperationPart(CollectiveKind.Barrier, default, default, default, default);
        var fields = new FrameHeader
        {
            Type = FrameType.Credit,
            Kind = first.Kind,
            Element = first.Source.Type,
            Reduce = first.Reduce,
            Flags = onViewChange == OnViewChange.Report ? FrameHeader.ReportFlag : (byte)0,
            Part = checked((ushort)group.Parts.Count),
            Count = count,
            Root = first.Root.Value,
            OperationHash = hash.GetCurrentHashAsUInt64(),
        };
        return new OperationDescriptor(fields, Describe(fields, fields.Part));
    }

    /// <summary>The fields of a frame in words.</summary>
    public static string Describe(in FrameHeader fields, int parts)
    {
        var what = fields.Kind switch
        {
            CollectiveKind.Barrier => "barrier",
            CollectiveKind.AllReduce => $"all-reduce ({Name(fields.Reduce)}) of {fields.Count} {fields.Element.Name()}",
            CollectiveKind.Broadcast => $"broadcast from member {fields.Root} of {fields.Count} {fields.Element.Name()}",
            _ => $"kind {(byte)fields.Kind}",
        };
        var mode = (fields.Flags & FrameHeader.ReportFlag) != 0 ? ", reported on a view change" : "";
        return parts > 1 ? $"a group of {parts} parts, first {what} in all{mode}" : what + mode;
    }

    private static string Name(ReduceOperator reduce) => reduce switch
    {
        ReduceOperator.Sum => "sum",
        ReduceOperator.Average => "average",
        ReduceOperator.None => "none",
        _ => $"operator {(byte)reduce}",
    };
}
