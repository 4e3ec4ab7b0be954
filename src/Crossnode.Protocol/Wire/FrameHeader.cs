using System.Buffers.Binary;
using Crossnode.Core;

namespace Crossnode.Protocol.Wire;

/// <summary>Kinds of frames. The numbers are on the wire.</summary>
public enum FrameType : byte
{
    /// <summary>Elements of one part of an operation.</summary>
    Data = 1,

    /// <summary>The sender has started the operation: its bulk data may come (R17).</summary>
    Credit = 2,

    /// <summary>A token of the commit barrier.</summary>
    Token = 3,

    /// <summary>The last frame of a link: its sender has frozen the view (R18).</summary>
    Frozen = 4,

    /// <summary>Nothing but a sign of life.</summary>
    Heartbeat = 5,

    /// <summary>A Protobuf ControlMessage.</summary>
    Control = 16,

    /// <summary>A Protobuf StateMessage, on state connections.</summary>
    State = 17,

    /// <summary>A piece of a chunk of state: the sequence is the number of its request, the offset lies in the chunk.</summary>
    Chunk = 18,
}

/// <summary>The fixed header of every frame.</summary>
/// <remarks>
/// 64 bytes, little-endian; fields that a type does not use are 0:
/// <code>
///  0 u8  type           1 u8  kind          2 u8  element type   3 u8  operator
///  4 u8  codec          5 u8  flags         6 u16 part (data) or number of parts (credit, token)
///  8 u32 tag           12 u32 step (data) or round (token)
/// 16 i64 sequence      24 i64 count of elements (of the part; of all parts in a credit or token)
/// 32 i64 number of the chunk within the step (data), offset in bytes (chunk)
/// 40 u32 payload length in bytes
/// 44 u32 root member   48 f64 sum of weights                    56 u64 hash of the whole operation
/// </code>
/// Layout and meaning are described in docs/reference/protocol.md.
/// </remarks>
public readonly record struct FrameHeader
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 64;

    /// <summary>The longest payload of a data frame: 16 MiB, far above the chunk sizes in use.</summary>
    public const int MaxDataLength = 16 << 20;

    /// <summary>The longest body of a control frame: 4 MiB holds a view of thousands of members.</summary>
    public const int MaxControlLength = 4 << 20;

    /// <summary>Set in <see cref="Flags"/> when the operation is to be reported, not retried, on a view change.</summary>
    public const byte ReportFlag = 1;

    /// <summary>Set in <see cref="Flags"/> when the operation has no commit barrier.</summary>
    public const byte BestEffortFlag = 2;

    public FrameType Type { get; init; }
    public CollectiveKind Kind { get; init; }
    public ElementType Element { get; init; }
    public ReduceOperator Reduce { get; init; }
    public byte Codec { get; init; }
    public byte Flags { get; init; }
    public ushort Part { get; init; }
    public uint Tag { get; init; }
    public int Step { get; init; }
    public long Sequence { get; init; }
    public long Count { get; init; }
    public long Offset { get; init; }
    public int Length { get; init; }
    public uint Root { get; init; }
    public double WeightSum { get; init; }
    public ulong OperationHash { get; init; }

    /// <summary>Writes the 64 bytes.</summary>
    public void Write(Span<byte> target)
    {
        target = target[..Size];
        target[0] = (byte)Type;
        target[1] = (byte)Kind;
        target[2] = (byte)Element;
        target[3] = (byte)Reduce;
        target[4] = Codec;
        target[5] = Flags;
        BinaryPrimitives.WriteUInt16LittleEndian(target[6..], Part);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], Tag);
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], Step);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(target[40..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[44..], Root);
        BinaryPrimitives.WriteDoubleLittleEndian(target[48..], WeightSum);
        BinaryPrimitives.WriteUInt64LittleEndian(target[56..], OperationHash);
    }

    /// <summary>Reads 64 bytes and checks what can be checked without a view.</summary>
    /// <returns>False with the reason when the bytes are no frame that this version sends.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out FrameHeader header, out string? error)
    {
        header = default;
        if (source.Length < Size)
        {
            error = $"a frame header has {Size} bytes, got {source.Length}";
            return false;
        }

        header = new FrameHeader
        {
            Type = (FrameType)source[0],
            Kind = (CollectiveKind)source[1],
            Element = (ElementType)source[2],
            Reduce = (ReduceOperator)source[3],
            Codec = source[4],
            Flags = source[5],
            Part = BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
            Tag = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            Step = BinaryPrimitives.ReadInt32LittleEndian(source[12..]),
            Sequence = BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            Count = BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
            Offset = BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            Length = BinaryPrimitives.ReadInt32LittleEndian(source[40..]),
            Root = BinaryPrimitives.ReadUInt32LittleEndian(source[44..]),
            WeightSum = BinaryPrimitives.ReadDoubleLittleEndian(source[48..]),
            OperationHash = BinaryPrimitives.ReadUInt64LittleEndian(source[56..]),
        };
        error = header.Complaint();
        return error is null;
    }

    private string? Complaint() => Type switch
    {
        FrameType.Data when Length is < 0 or > MaxDataLength => $"a data frame of {Length} bytes (at most {MaxDataLength})",
        FrameType.Control when Length is < 0 or > MaxControlLength =>
            $"a control frame of {Length} bytes (at most {MaxControlLength})",
        FrameType.State when Length is < 0 or > MaxControlLength => $"a state frame of {Length} bytes (at most {MaxControlLength})",
        FrameType.Chunk when Length is < 1 or > MaxDataLength => $"a piece of a chunk of {Length} bytes (1 to {MaxDataLength})",
        FrameType.Chunk when Sequence < 1 || Offset < 0 => $"a piece of a chunk for request {Sequence} at {Offset}",
        FrameType.Data or FrameType.Credit or FrameType.Token when Sequence < 1 => $"operation number {Sequence}",
        FrameType.Data or FrameType.Token when Step < 0 => $"step {Step}",
        FrameType.Data or FrameType.Credit or FrameType.Token when Codec > (byte)Core.Codec.Sign => $"codec {Codec}, which this version does not know",
        FrameType.Data or FrameType.Credit when Count < 0 || Offset < 0 => $"count {Count}, offset {Offset}",
        FrameType.Data or FrameType.Control or FrameType.State or FrameType.Chunk => null,
        FrameType.Credit or FrameType.Token or FrameType.Frozen or FrameType.Heartbeat =>
            Length == 0 ? null : $"a {Type} frame with a payload of {Length} bytes",
        _ => $"frame type {(byte)Type}, which this version does not know",
    };
}
