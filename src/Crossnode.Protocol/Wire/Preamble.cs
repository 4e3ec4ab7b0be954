using System.Buffers.Binary;
using Crossnode.Core;

namespace Crossnode.Protocol.Wire;

/// <summary>What a connection is for.</summary>
public enum StreamPurpose : byte
{
    /// <summary>A link between two members of a view.</summary>
    Link = 1,

    /// <summary>A control stream from a member to the coordinator.</summary>
    Control = 2,

    /// <summary>Asks only whether the acceptor can be reached: it answers and closes.</summary>
    Probe = 3,

    /// <summary>A state connection: a member fetches state from one that holds it.</summary>
    State = 4,
}

/// <summary>What the accepting side says to a preamble. The opener's own preamble carries <see cref="Ok"/>.</summary>
public enum PreambleStatus : byte
{
    /// <summary>Go on.</summary>
    Ok = 0,

    /// <summary>The major versions differ.</summary>
    OtherVersion = 1,

    /// <summary>The acceptor belongs to another run.</summary>
    OtherRun = 2,

    /// <summary>The link names a view that the acceptor has left behind (R7).</summary>
    OldView = 3,

    /// <summary>The acceptor does not serve this purpose, or does not know the member.</summary>
    Refused = 4,
}

/// <summary>Opens every link and every stream, in both directions, before any frame.</summary>
/// <remarks>
/// 68 bytes, little-endian, then the authentication blob (empty until authentication exists):
/// <code>
///  0 4 bytes magic "XNOD"    4 u16 major    6 u16 minor    8 u64 feature bits
/// 16 u64 run, high          24 u64 run, low
/// 32 i64 view epoch         40 u64 view nonce
/// 48 u32 member             52 u64 incarnation
/// 60 u8 purpose             61 u8 status   62 u16 length of the authentication blob   64 u32 reserved (0)
/// </code>
/// </remarks>
public sealed record Preamble
{
    /// <summary>Bytes before the authentication blob.</summary>
    public const int FixedSize = 68;

    /// <summary>The longest authentication blob.</summary>
    public const int MaxAuthenticationLength = 4096;

    /// <summary>Peers with another major version are refused by name.</summary>
    public const ushort CurrentMajor = 1;

    /// <summary>Minor versions only add what feature bits announce.</summary>
    public const ushort CurrentMinor = 0;

    private const uint Magic = 0x444F4E58; // "XNOD" when read little-endian

    public ushort Major { get; init; } = CurrentMajor;
    public ushort Minor { get; init; } = CurrentMinor;
    public ulong Features { get; init; }
    public required RunId Run { get; init; }
    public ViewId View { get; init; }
    public MemberId Member { get; init; }
    public ulong Incarnation { get; init; }
    public required StreamPurpose Purpose { get; init; }
    public PreambleStatus Status { get; init; }
    public ReadOnlyMemory<byte> Authentication { get; init; }

    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    public int Size => FixedSize + Authentication.Length;

    /// <summary>Writes the preamble.</summary>
    public void Write(Span<byte> target)
    {
        target = target[..Size];
        target.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], Major);
        BinaryPrimitives.WriteUInt16LittleEndian(target[6..], Minor);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Features);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Run.High);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Run.Low);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], View.Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(target[40..], View.Nonce);
        BinaryPrimitives.WriteUInt32LittleEndian(target[48..], Member.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(target[52..], Incarnation);
        target[60] = (byte)Purpose;
        target[61] = (byte)Status;
        BinaryPrimitives.WriteUInt16LittleEndian(target[62..], (ushort)Authentication.Length);
        Authentication.Span.CopyTo(target[FixedSize..]);
    }

    /// <summary>The preamble as bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }

    /// <summary>Reads a preamble from the bytes that have arrived so far.</summary>
    /// <param name="source">What has arrived.</param>
    /// <param name="preamble">The preamble once it is whole.</param>
    /// <param name="consumed">Its length in bytes; 0 while more bytes are needed.</param>
    /// <param name="error">Set when the bytes can never become a preamble.</param>
    /// <returns>True when <paramref name="preamble"/> is set.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out Preamble? preamble, out int consumed, out string? error)
    {
        preamble = null;
        consumed = 0;
        error = null;
        if (source.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
        {
            error = "the other side does not speak Crossnode (its first bytes are not the preamble)";
            return false;
        }

        if (source.Length < FixedSize)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(source[62..]);
        if (length > MaxAuthenticationLength)
        {
            error = $"the preamble announces {length} bytes of authentication (at most {MaxAuthenticationLength})";
            return false;
        }

        if (source.Length < FixedSize + length)
        {
            return false;
        }

        consumed = FixedSize + length;
        preamble = new Preamble
        {
            Major = BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            Minor = BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
            Features = BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            Run = new RunId(
                BinaryPrimitives.ReadUInt64LittleEndian(source[16..]), BinaryPrimitives.ReadUInt64LittleEndian(source[24..])),
            View = new ViewId(
                BinaryPrimitives.ReadInt64LittleEndian(source[32..]), BinaryPrimitives.ReadUInt64LittleEndian(source[40..])),
            Member = new MemberId(BinaryPrimitives.ReadUInt32LittleEndian(source[48..])),
            Incarnation = BinaryPrimitives.ReadUInt64LittleEndian(source[52..]),
            Purpose = (StreamPurpose)source[60],
            Status = (PreambleStatus)source[61],
            Authentication = source.Slice(FixedSize, length).ToArray(),
        };
        return true;
    }
}
