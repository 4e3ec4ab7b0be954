using Crossnode.Coordinator.Records;
using Crossnode.Core;
using Microsoft.Extensions.Logging;

namespace Crossnode.Coordinator;

/// <summary>One run's coordinator.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>How many members make the first view.</summary>
    public required int ExpectedMembers { get; init; }

    /// <summary>Whether the first view is made of processes that come without numbers; else a launcher has given them out.</summary>
    /// <value>False.</value>
    public bool GivesFirstNumbers { get; init; }

    /// <summary>The run's id.</summary>
    public required RunId Run { get; init; }

    /// <summary>The address to listen on.</summary>
    /// <value>127.0.0.1; anything but loopback needs a transport that allows it.</value>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The ports of which one is listened on.</summary>
    /// <value>Any that is free.</value>
    public PortRange Ports { get; init; }

    /// <summary>What the run is about, for those that join it; empty: the first process says it.</summary>
    public ReadOnlyMemory<byte> Charter { get; init; }

    /// <summary>How long to wait for all members at the start.</summary>
    /// <value>60 s.</value>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a connection may take to say who it is; then it is closed.</summary>
    /// <value>5 s.</value>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a sign of life goes to every member.</summary>
    /// <value>1 s.</value>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a member may be silent before it is evicted.</summary>
    /// <value>10 s.</value>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Fewer members than this never go on alone.</summary>
    /// <value>1.</value>
    public int MinMembers { get; init; } = 1;

    /// <summary>
    /// How long members may take to come back to a coordinator that was started again, or that stood still for some seconds, before
    /// that counts against them.
    /// </summary>
    /// <value>Twice <see cref="EvictAfter"/>: they have to notice that it is silent, and to dial again.</value>
    public TimeSpan? ReattachFor { get; init; }

    /// <summary>
    /// Where the run's record is kept, so that a coordinator that is started again goes on. The coordinator disposes it.
    /// </summary>
    /// <value>null: the run ends with its coordinator.</value>
    public IViewStore? Store { get; init; }

    /// <summary>
    /// Whether to make the record again from what the members hold, where the store has none. Takes a view up only when all its
    /// members have come: one that stays away might hold a newer view.
    /// </summary>
    /// <value>False: without a record it is a new run.</value>
    public bool Reconstruct { get; init; }

    /// <summary>Members that are dead for sure: a coordinator that comes back need not wait for them. One that lives after all will be evicted.</summary>
    public IReadOnlyList<MemberId> DeclaredDead { get; init; } = [];

    /// <summary>Where log lines go.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Draws the nonce of view ids.</summary>
    public IRandomSource Random { get; init; } = new SystemRandomSource();
}
