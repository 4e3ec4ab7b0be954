using Crossnode.Core;

namespace Crossnode.Protocol.Runs;

/// <summary>What a run's coordinator needs to know, and how patient it is.</summary>
public sealed record RunOptions
{
    /// <summary>How many workers make the first view; their numbers are 0 to this minus 1.</summary>
    /// <value>0: as many as the first process says that it came with.</value>
    public required int ExpectedMembers { get; init; }

    /// <summary>Whether the first view is made of processes that come without numbers; else a launcher has given them out.</summary>
    /// <value>False: numbers that this coordinator gives begin above the launcher's.</value>
    public bool GivesFirstNumbers { get; init; }

    /// <summary>What the run is about, in the words of its programs; empty: the first process says it.</summary>
    public ReadOnlyMemory<byte> Charter { get; init; }

    /// <summary>Random bits of this coordinator. Mixed with the epoch they make view ids that no other coordinator announces.</summary>
    public required ulong Nonce { get; init; }

    /// <summary>How long the expected workers may take to come, from the first event on.</summary>
    /// <value>60 s.</value>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often a sign of life goes to every member.</summary>
    /// <value>1 s.</value>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a member may be silent.</summary>
    /// <value>10 s. Must be longer than three heartbeats.</value>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a member whose stream closed may take to come back while some neighbour still has a link to it.</summary>
    /// <value>2 s. Must be longer than a member's pause before it connects again.</value>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a suspicion may wait for what others have to say before the view is frozen.</summary>
    /// <remarks>
    /// A frozen member reports no links, so a view that freezes before all neighbours of a dead member noticed its death
    /// would have to wait for <see cref="Grace"/>. The wait ends as soon as nothing more is to be expected.
    /// </remarks>
    /// <value>50 ms.</value>
    public TimeSpan GatherFor { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long the dials may take that show over which links a newcomer can be admitted.</summary>
    /// <value>4 s: longer than a dial may take.</value>
    public TimeSpan ProbeFor { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>The first pause before PREPARE is repeated when too few answered; it doubles up to <see cref="EvictAfter"/>.</summary>
    /// <value>1 s.</value>
    public TimeSpan PrepareAgain { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long every member may be away before the run is given up as lost.</summary>
    /// <value>90 s: longer than members wait for a view.</value>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>The term that this coordinator has claimed in its store; 0 without a store.</summary>
    public ulong Term { get; init; }

    /// <summary>
    /// How long members may take to come back to a coordinator that was started again, or that stood still for longer than
    /// <see cref="Grace"/>, before that counts against them.
    /// </summary>
    /// <value>20 s. Longer than it takes to notice that it is silent, and to dial again at every address.</value>
    public TimeSpan ReattachFor { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The fewest members that go on after others died. Members that asked to leave lower it.</summary>
    /// <value>1.</value>
    public int MinMembers { get; init; } = 1;

    /// <summary>The rules in force; anything but all only in the simulator.</summary>
    public ProtocolRules Rules { get; init; } = ProtocolRules.All;

    /// <summary>The id of the view with this epoch.</summary>
    public ViewId ViewIdOf(long epoch) =>
        new(epoch, new DeterministicRandom(Nonce ^ ((ulong)epoch * 0xD1342543DE82EF95)).NextUInt64());
}
