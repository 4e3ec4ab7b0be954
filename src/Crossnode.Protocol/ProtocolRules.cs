namespace Crossnode.Protocol;

/// <summary>The rules of docs/reference/protocol.md that the simulator can switch off, to show that each is needed.</summary>
/// <remarks>Only the simulator ever passes anything but <see cref="All"/>.</remarks>
[Flags]
public enum ProtocolRules
{
    /// <summary>No rule.</summary>
    None = 0,

    /// <summary>Frozen means frozen.</summary>
    R1 = 1 << 0,

    /// <summary>Only answers count.</summary>
    R2 = 1 << 1,

    /// <summary>Order within a tag.</summary>
    R3 = 1 << 2,

    /// <summary>Views are a chain.</summary>
    R4 = 1 << 3,

    /// <summary>Snapshots live until commit.</summary>
    R5 = 1 << 4,

    /// <summary>Reconnecting tells all.</summary>
    R6 = 1 << 5,

    /// <summary>Links name their view.</summary>
    R7 = 1 << 6,

    /// <summary>No answer of an earlier round.</summary>
    R8 = 1 << 7,

    /// <summary>Numbers are cumulative and burnt.</summary>
    R13 = 1 << 8,

    /// <summary>Condemned operations are killed by a view.</summary>
    R16 = 1 << 9,

    /// <summary>Credits.</summary>
    R17 = 1 << 10,

    /// <summary>Links belong to one view and end with FROZEN.</summary>
    R18 = 1 << 11,

    /// <summary>The plan follows the view's link graph.</summary>
    R19 = 1 << 12,

    /// <summary>PREPARE goes to all.</summary>
    R20 = 1 << 13,

    /// <summary>Incarnations: a process that was started again is a newcomer.</summary>
    R9 = 1 << 14,

    /// <summary>A join belongs to its stream, and a coordinator that comes back waits for its members.</summary>
    R14 = 1 << 15,

    /// <summary>The record of a view is stored before the view is announced.</summary>
    R10 = 1 << 16,

    /// <summary>Without the record, a view is taken up only when nobody can hold a newer one.</summary>
    R11 = 1 << 17,

    /// <summary>A lost run is said to be lost.</summary>
    R15 = 1 << 18,

    /// <summary>Terms: whoever takes over deposes the one before.</summary>
    R21 = 1 << 19,

    /// <summary>All of them: what runs outside the simulator.</summary>
    All = (1 << 20) - 1,
}
