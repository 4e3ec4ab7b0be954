namespace Crossnode.Core;

/// <summary>The element types of buffers. The numbers are on the wire.</summary>
public enum ElementType : byte
{
    /// <summary>No elements: barriers.</summary>
    None = 0,

    /// <summary>IEEE 754 binary16.</summary>
    Float16 = 1,

    /// <summary>The upper half of a binary32.</summary>
    BFloat16 = 2,

    /// <summary>IEEE 754 binary32.</summary>
    Float32 = 3,

    /// <summary>IEEE 754 binary64.</summary>
    Float64 = 4,

    /// <summary>An unsigned byte.</summary>
    UInt8 = 5,

    /// <summary>A signed byte, two's complement like all signed integers here.</summary>
    Int8 = 6,

    /// <summary>A signed 16-bit integer.</summary>
    Int16 = 7,

    /// <summary>A signed 32-bit integer.</summary>
    Int32 = 8,

    /// <summary>A signed 64-bit integer.</summary>
    Int64 = 9,

    /// <summary>An unsigned 16-bit integer.</summary>
    UInt16 = 10,

    /// <summary>An unsigned 32-bit integer.</summary>
    UInt32 = 11,

    /// <summary>An unsigned 64-bit integer.</summary>
    UInt64 = 12,
}

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element; 0 for <see cref="ElementType.None"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a known type.</exception>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.None => 0,
        ElementType.UInt8 or ElementType.Int8 => 1,
        ElementType.Float16 or ElementType.BFloat16 or ElementType.Int16 or ElementType.UInt16 => 2,
        ElementType.Float32 or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Float64 or ElementType.Int64 or ElementType.UInt64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown element type"),
    };

    /// <summary>Whether the value is one of the types that have elements.</summary>
    public static bool IsKnown(this ElementType type) => type is >= ElementType.Float16 and <= ElementType.UInt64;

    /// <summary>Whether elements are floating point numbers.</summary>
    public static bool IsFloat(this ElementType type) => type is >= ElementType.Float16 and <= ElementType.Float64;

    /// <summary>The short name that error texts use.</summary>
    public static string Name(this ElementType type) => type switch
    {
        ElementType.None => "none",
        ElementType.Float16 => "f16",
        ElementType.BFloat16 => "bf16",
        ElementType.Float32 => "f32",
        ElementType.Float64 => "f64",
        ElementType.UInt8 => "u8",
        ElementType.Int8 => "i8",
        ElementType.Int16 => "i16",
        ElementType.Int32 => "i32",
        ElementType.Int64 => "i64",
        ElementType.UInt16 => "u16",
        ElementType.UInt32 => "u32",
        ElementType.UInt64 => "u64",
        _ => $"type {(byte)type}",
    };
}

/// <summary>What a reduction computes. The numbers are on the wire.</summary>
public enum ReduceOperator : byte
{
    /// <summary>No reduction: broadcast, barrier.</summary>
    None = 0,

    /// <summary>The sum over all members.</summary>
    Sum = 1,

    /// <summary>The sum of weight times value over all members, divided by the sum of the weights.</summary>
    Average = 2,

    /// <summary>The least of all members' values; NaN where any member has NaN.</summary>
    Min = 3,

    /// <summary>The greatest of all members' values; NaN where any member has NaN.</summary>
    Max = 4,

    /// <summary>The product over all members.</summary>
    Product = 5,
}

/// <summary>How elements are written on the wire. The numbers are on the wire.</summary>
public enum Codec : byte
{
    /// <summary>As they lie in memory.</summary>
    None = 0,

    /// <summary>IEEE 754 binary16.</summary>
    Float16 = 1,

    /// <summary>The upper half of a binary32.</summary>
    BFloat16 = 2,

    /// <summary>Eight bits between the least and the greatest value of each block.</summary>
    Int8 = 3,

    /// <summary>A sign and three bits of exponent, with a scale for each block.</summary>
    E3M0 = 4,

    /// <summary>The sign, with a scale for each block; meant to be used with error feedback.</summary>
    Sign = 5,
}

/// <summary>The operations that members call. The numbers are on the wire.</summary>
public enum CollectiveKind : byte
{
    /// <summary>No data; every member learns that every member has arrived.</summary>
    Barrier = 1,

    /// <summary>Every member ends with the reduction of all members' buffers.</summary>
    AllReduce = 2,

    /// <summary>Every member ends with the root's buffer.</summary>
    Broadcast = 3,

    /// <summary>The root ends with the reduction of all members' buffers.</summary>
    Reduce = 4,

    /// <summary>Every member ends with its block of the reduction of all members' buffers.</summary>
    ReduceScatter = 5,

    /// <summary>Every member ends with all members' blocks, in rank order.</summary>
    AllGather = 6,

    /// <summary>Every member ends with its block of the root's buffer.</summary>
    Scatter = 7,

    /// <summary>The root ends with all members' blocks, in rank order.</summary>
    Gather = 8,

    /// <summary>Every member sends one block to each, and ends with one block of each.</summary>
    AllToAll = 9,

    /// <summary>One member ends with another's buffer.</summary>
    SendReceive = 10,
}
