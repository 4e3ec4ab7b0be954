using Crossnode.Collectives.Engine;
using Crossnode.Core;
using Crossnode.Protocol.Members;
using Microsoft.Extensions.Logging;

namespace Crossnode.Collectives.Sessions;

/// <summary>What a process needs to take part in a run.</summary>
public sealed record SessionOptions
{
    /// <summary>The run's id, as the coordinator printed it.</summary>
    public required RunId Run { get; init; }

    /// <summary>Where the coordinator listens: HOST:PORT.</summary>
    /// <remarks>Where another machine may take the run over: all addresses, separated by commas. They are tried by turns.</remarks>
    public required string Coordinator { get; init; }

    /// <summary>This process's identity: its worker number.</summary>
    /// <value>Unassigned: the coordinator gives one, and <see cref="Session.Self"/> says which.</value>
    public MemberId Self { get; init; } = MemberId.Unassigned;

    /// <summary>Distinguishes this process from an earlier one of the same identity; random.</summary>
    public required ulong Incarnation { get; init; }

    /// <summary>The address that other members' links come to.</summary>
    /// <value>127.0.0.1; anything but loopback needs a transport that allows it.</value>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The ports of which one is listened on.</summary>
    /// <value>Any that is free.</value>
    public PortRange Ports { get; init; }

    /// <summary>The address that other members are told, where it is not the one listened on: ADDRESS, or ADDRESS:PORT.</summary>
    /// <value>null: the one listened on.</value>
    public string? Advertise { get; init; }

    /// <summary>Whether links to members on this machine go through shared memory where they can; else all go by the transport.</summary>
    /// <value>True; it takes Linux, TCP as the transport, and processes of one user.</value>
    public bool SharedMemory { get; init; } = true;

    /// <summary>How long to wait for a view that holds this process: the run's first one, or one that admits it.</summary>
    /// <value>60 s.</value>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long to wait when every attempt to reach the coordinator is refused outright: nothing listens there.</summary>
    /// <value>null: as long as <see cref="JoinTimeout"/>, for coordinators that may start after their members.</value>
    public TimeSpan? RefusedTimeout { get; init; }

    /// <summary>How long <see cref="Session.Dispose"/> waits for the coordinator to let this member go.</summary>
    /// <value>5 s.</value>
    public TimeSpan LeaveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a sign of life goes to every neighbour and to the coordinator.</summary>
    /// <value>1 s.</value>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a neighbour or the coordinator may be silent before it is suspected.</summary>
    /// <value>10 s.</value>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long this member waits for a view that it needs before it reports "outcome unknown".</summary>
    /// <value>60 s.</value>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Gets what the coordinator has to say to whoever started this process; keep it short.</summary>
    public Action<string>? Notice { get; init; }

    /// <summary>
    /// Whether a run that has started may admit this process only at <see cref="Session.Enter"/>: the others wait for a member
    /// from the moment on that it is one, so it should have built its model before.
    /// </summary>
    /// <value>False.</value>
    public bool EntersLater { get; init; }

    /// <summary>How many processes come together and make the first view, for a coordinator that was not told; 0 does not say.</summary>
    public int Expected { get; init; }

    /// <summary>What the run is about, for a coordinator that was not told; at most 1 MiB.</summary>
    public ReadOnlyMemory<byte> Charter { get; init; }

    /// <summary>Chunk sizes and deadlines of operations.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>How long a caller looks for bytes before it blocks.</summary>
    /// <value>50 microseconds: what waking a blocked thread costs on a slow day. With less, two members that once slept would
    /// wake each other for every message from then on.</value>
    public TimeSpan SpinTime { get; init; } = TimeSpan.FromMicroseconds(50);

    /// <summary>Where log lines go.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal IReadOnlyList<string> Coordinators =>
        Coordinator.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is { Length: > 0 } addresses
            ? addresses
            : [Coordinator];

    internal MemberOptions ToMember(string endpoint) => new()
    {
        Self = Self,
        Incarnation = Incarnation,
        Endpoint = endpoint,
        Waits = EntersLater,
        Expected = Expected,
        Charter = Charter,
        Coordinators = Coordinators,
        HeartbeatInterval = HeartbeatInterval,
        EvictAfter = EvictAfter,
        GiveUpAfter = GiveUpAfter,
    };
}
