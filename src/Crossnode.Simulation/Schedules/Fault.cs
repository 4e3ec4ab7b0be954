namespace Crossnode.Simulation.Schedules;

/// <summary>What goes wrong.</summary>
public enum FaultKind
{
    /// <summary>A process is killed; the system closes its connections.</summary>
    Crash,

    /// <summary>A process is killed and started again: it comes back under its number.</summary>
    Restart,

    /// <summary>A machine is gone without a word.</summary>
    Vanish,

    /// <summary>A process stands still for a while.</summary>
    Stop,

    /// <summary>The coordinator stands still for a while.</summary>
    StopCoordinator,

    /// <summary>The open connection between two members breaks; another can be opened.</summary>
    LinkBlip,

    /// <summary>Two members cannot reach each other for a while; their connection breaks.</summary>
    LinkCut,

    /// <summary>The same, and it is never repaired: the run has to go on without that link.</summary>
    LinkGone,

    /// <summary>A member cannot reach any other for a while, but the coordinator reaches it.</summary>
    Isolate,

    /// <summary>Bytes between two members are held up in one direction for a while.</summary>
    OneWay,

    /// <summary>The members fall into two parts that do not hear each other for a while.</summary>
    Partition,

    /// <summary>A member and the coordinator do not hear each other for a while, in one direction or both.</summary>
    CoordinatorPartition,

    /// <summary>A control stream breaks, perhaps without the coordinator noticing; another can be opened.</summary>
    ControlLost,

    /// <summary>Everything to and from a node takes longer for a while.</summary>
    Delay,

    /// <summary>A caller cancels an operation.</summary>
    Cancel,

    /// <summary>One member calls another operation than the others.</summary>
    Mismatch,

    /// <summary>One member calls late, another gives up waiting.</summary>
    Deadline,

    /// <summary>A member leaves before the others.</summary>
    Leave,

    /// <summary>A process comes to the run.</summary>
    Join,

    /// <summary>The coordinator is killed, or its machine goes, and one is started again from the record.</summary>
    RestartCoordinator,

    /// <summary>The same, and the record is lost.</summary>
    LoseRecord,

    /// <summary>Another coordinator takes the run over while the first lives, perhaps stopped.</summary>
    TakeOver,

    /// <summary>Records cannot be written for a while, or nobody knows whether they were.</summary>
    StoreFails,
}

/// <summary>What a fault waits for.</summary>
internal enum Trigger
{
    /// <summary>A time.</summary>
    Time,

    /// <summary>PREPARE went to a member.</summary>
    Prepare,

    /// <summary>A member answered.</summary>
    Answer,

    /// <summary>NEWVIEW went to a member.</summary>
    NewView,

    /// <summary>A member installed a view.</summary>
    Install,

    /// <summary>An operation ended at a member.</summary>
    Outcome,

    /// <summary>A member reported a link.</summary>
    Report,

    /// <summary>A member gave an operation up and asked for a change.</summary>
    Condemned,

    /// <summary>A record is being written.</summary>
    Store,

    /// <summary>A link is in the middle of a payload.</summary>
    Payload,

    /// <summary>A member called the operation that the fault names.</summary>
    Called,
}

/// <summary>One fault of a schedule.</summary>
internal sealed record Fault
{
    public required FaultKind Kind { get; init; }

    /// <summary>What it waits for; it begins <see cref="At"/> after that.</summary>
    public Trigger Trigger { get; init; }

    /// <summary>How often that must have happened.</summary>
    public int Count { get; init; } = 1;

    public long At { get; init; }

    /// <summary>For one that waits: when it begins all the same; 0 for never.</summary>
    public long AtLatest { get; init; }

    /// <summary>Tells the faults of a schedule apart.</summary>
    public int Number { get; init; }

    /// <summary>Whether it hits the very member (or link) that set it off.</summary>
    public bool Follows { get; init; }

    public long Duration { get; init; }

    /// <summary>The member that is hit, and for faults between two the other one.</summary>
    public int Member { get; init; }

    public int Other { get; init; }

    /// <summary>For joins and restarts: the process that comes.</summary>
    public int Newcomer { get; init; }

    /// <summary>The members on one side of a partition, one bit each; then the coordinator, then who comes later.</summary>
    public int Side { get; init; }

    /// <summary>For cancels, mismatches, deadlines: the operation.</summary>
    public int Tag { get; init; }

    public int Operation { get; init; }

    /// <summary>Draws that only this kind of fault understands.</summary>
    public int Variant { get; init; }
}
