using Crossnode.Core;

namespace Crossnode.Protocol.Members;

/// <summary>Who a member is, and how patient.</summary>
public sealed record MemberOptions
{
    /// <summary>This member's identity; <see cref="MemberId.Unassigned"/> when the coordinator is to give one.</summary>
    public required MemberId Self { get; init; }

    /// <summary>Distinguishes this process from an earlier one of the same identity (R9).</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>Where other members open links.</summary>
    public required string Endpoint { get; init; }

    /// <summary>Whether a run that has started may admit this process only once it says that it is ready.</summary>
    public bool Waits { get; init; }

    /// <summary>How many processes come together and make the first view, where the coordinator was not told; 0 does not say.</summary>
    public int Expected { get; init; }

    /// <summary>What the run is about, for a coordinator that was not told; at most 1 MiB.</summary>
    public ReadOnlyMemory<byte> Charter { get; init; }

    /// <summary>How often a sign of life goes to every neighbour and to the coordinator.</summary>
    /// <value>1 s.</value>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a neighbour or the coordinator may be silent.</summary>
    /// <value>10 s. Must be longer than three heartbeats, and shorter than the deadlines of operations.</value>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a link may take to open before it is reported.</summary>
    /// <value>3 s.</value>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The pause before a lost control stream is opened again; it doubles while that fails.</summary>
    /// <value>200 ms.</value>
    public TimeSpan ReconnectAfter { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest such pause.</summary>
    /// <value>1 s. Shorter than the grace that the coordinator gives for coming back.</value>
    public TimeSpan ReconnectAtMost { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where the coordinator may be, for people.</summary>
    public IReadOnlyList<string> Coordinators { get; init; } = ["the coordinator"];

    /// <summary>How long a member waits for a view that it needs before it reports "outcome unknown" (R20).</summary>
    /// <value>60 s.</value>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many operations of a tag may move data at once; later ones wait.</summary>
    /// <value>4.</value>
    public int MaxInFlightPerTag { get; init; } = 4;

    /// <summary>The rules in force; anything but all only in the simulator.</summary>
    public ProtocolRules Rules { get; init; } = ProtocolRules.All;
}
