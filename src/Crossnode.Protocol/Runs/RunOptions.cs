namespace Crossnode.Protocol.Runs;

/// <summary>How one run is coordinated.</summary>
public sealed record RunOptions
{
    /// <summary>How many members make the first view.</summary>
    public required int ExpectedMembers { get; init; }

    /// <summary>Random bits of this coordinator, so that its view ids are never another's.</summary>
    public required ulong Nonce { get; init; }

    /// <summary>How long to wait for all members at the start.</summary>
    /// <value>60 s.</value>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often a sign of life goes to every member.</summary>
    /// <value>1 s.</value>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a member may be silent before it is evicted.</summary>
    /// <value>10 s.</value>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a member whose stream closed may take to open another, unless all its neighbours report it.</summary>
    /// <value>2 s.</value>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often PREPARE is repeated while answers are missing.</summary>
    /// <value>1 s.</value>
    public TimeSpan PrepareAgain { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>With fewer continuing members than this no view is announced.</summary>
    /// <value>1.</value>
    public int MinMembers { get; init; } = 1;

    /// <summary>The rules in force; anything but all only in the simulator.</summary>
    public ProtocolRules Rules { get; init; } = ProtocolRules.All;
}
