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

    /// <summary>A byte: what is stored and fetched. Collectives do not carry it.</summary>
    UInt8 = 5,
}

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>Bytes of one element; 0 for <see cref="ElementType.None"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a known type.</exception>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.None => 0,
        ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float32 => 4,
        ElementType.Float64 => 8,
        ElementType.UInt8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown element type"),
    };

    /// <summary>Whether the value is one of the types that have elements.</summary>
    public static bool IsKnown(this ElementType type) => type is >= ElementType.Float16 and <= ElementType.UInt8;

    /// <summary>Whether collectives carry and reduce elements of this type.</summary>
    public static bool IsReducible(this ElementType type) => type is >= ElementType.Float16 and <= ElementType.Float64;

    /// <summary>The short name that error texts use.</summary>
    public static string Name(this ElementType type) => type switch
    {
        ElementType.None => "none",
        ElementType.Float16 => "f16",
        ElementType.BFloat16 => "bf16",
        ElementType.Float32 => "f32",
        ElementType.Float64 => "f64",
        ElementType.UInt8 => "u8",
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
}
