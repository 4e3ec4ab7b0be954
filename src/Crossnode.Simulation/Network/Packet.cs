using Crossnode.Core;
using Crossnode.Protocol.Control;
using Crossnode.Protocol.Wire;

namespace Crossnode.Simulation.Network;

/// <summary>What travels on a connection.</summary>
internal enum PacketKind : byte
{
    /// <summary>The dialler's preamble; <see cref="Packet.Body"/> is a <see cref="Greeting"/>.</summary>
    Preamble,

    /// <summary>The other side's answer to it.</summary>
    Reply,

    /// <summary>A frame's header with the first bytes of its payload.</summary>
    Frame,

    /// <summary>More bytes of the payload.</summary>
    Piece,

    /// <summary>A control message.</summary>
    Control,

    /// <summary>The sender closed in order.</summary>
    End,

    /// <summary>The connection broke.</summary>
    Reset,
}

/// <summary>One packet. Bytes belong to the network's pool.</summary>
internal struct Packet
{
    public PacketKind Kind;
    public PreambleStatus Status;
    public int Length;
    public long Arrival;
    public byte[]? Bytes;
    public object? Body;
    public FrameHeader Header;

    public readonly Greeting Greeting => (Greeting)Body!;

    public readonly ControlMessage Message => (ControlMessage)Body!;

    // A header counts as 32 bytes, so that small frames fill windows too.
    public readonly int Cost => Length + 32;
}

/// <summary>What a preamble says that matters here.</summary>
internal sealed record Greeting(MemberId Member, ulong Incarnation, ViewId View, StreamPurpose Purpose);
