using Crossnode.Core;

namespace Crossnode.Collectives;

/// <summary>Runs collective operations among the members of a run's current view.</summary>
/// <remarks>
/// Members call the same operations in the same order within a tag; tags run concurrently and never block one another.
/// An operation succeeds on all members of the next view or on none: its commit barrier costs ceil(log2 W) rounds of one
/// small frame, and no coordinator is asked. When a member dies, an operation that was not committed is run again among
/// those that are left (or reported, see <see cref="OperationOptions.OnViewChange"/>).
/// </remarks>
public interface ICommunicator
{
    /// <summary>This process's identity in the run.</summary>
    MemberId Self { get; }

    /// <summary>The view that is installed now; it may change before the next call.</summary>
    ViewInfo View { get; }

    /// <summary>Runs a group on the calling thread and returns when it has committed or failed.</summary>
    /// <remarks>
    /// Every buffer belongs to the operation until the call returns; no link holds memory afterwards.
    /// On failure, sources and in-place buffers are as they were before the call; the contents of separate targets are
    /// undefined. Cost per all-reduce part of n bytes on a ring of W members: 2(W-1) steps, 2(W-1)/W times n bytes sent.
    /// </remarks>
    /// <exception cref="OperationCanceledException">The token was cancelled; the number of the operation is burnt on
    /// every member, and buffers are as they were.</exception>
    /// <exception cref="ArgumentException">The group itself is not valid; nothing was started.</exception>
    OperationOutcome Run(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Starts a group and returns at once; the buffers belong to it until the task ends.</summary>
    Task<OperationOutcome> RunAsync(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Bytes sent so far by this member: of one tag, or of all when <paramref name="tag"/> is null.</summary>
    TrafficCounters Traffic(uint? tag = null);
}

/// <summary>What members see of a view.</summary>
/// <param name="Id">The view's id.</param>
/// <param name="Members">Its members; the index is the rank.</param>
/// <param name="Rank">This member's position.</param>
public sealed record ViewInfo(ViewId Id, IReadOnlyList<MemberId> Members, int Rank)
{
    /// <summary>The processes that are the members, in the same order; a restarted member has another one than before.</summary>
    public IReadOnlyList<ulong> Incarnations { get; init; } = [];

    /// <summary>The number of members.</summary>
    public int WorldSize => Members.Count;
}

/// <summary>Bytes sent and received.</summary>
/// <param name="PayloadBytes">Encoded elements that collectives handed to links: no headers, barriers, scales or state.</param>
/// <param name="WireBytes">All that went to the sockets.</param>
/// <param name="ReceivedBytes">All that came on links from other members, headers included.</param>
public readonly record struct TrafficCounters(long PayloadBytes, long WireBytes, long ReceivedBytes = 0);

/// <summary>What to do with an operation that was not committed when the view changed.</summary>
public enum OnViewChange : byte
{
    /// <summary>Run it again, whole, among the members of the next view.</summary>
    Retry = 1,

    /// <summary>Report it as aborted.</summary>
    Report = 2,
}

/// <summary>What a tag's operations do on a view change, as the protocol counts it.</summary>
internal static class TagModes
{
    public static uint Of(OperationOptions options) =>
        options.BestEffort ? Protocol.Members.TagMode.BestEffort : (uint)options.OnViewChange;
}

/// <summary>How one operation runs. Tag and <see cref="OnViewChange"/> are part of what members must agree on.</summary>
public sealed record OperationOptions
{
    /// <summary>The independent sequence that the operation belongs to.</summary>
    /// <value>0 by default; tags from 0xFFFF0000 are kept for the library.</value>
    public uint Tag { get; init; }

    /// <summary>What to do on a view change. Fixed per tag by its first operation.</summary>
    public OnViewChange OnViewChange { get; init; } = OnViewChange.Retry;

    /// <summary>Whether the operation ends as soon as this member's part is done, without the commit barrier.</summary>
    /// <value>False. Fixed per tag by its first operation.</value>
    /// <remarks>
    /// Saves ceil(log2 W) rounds of one small frame. When a member is lost, some members may have the result and others not:
    /// whoever has not gets <see cref="OperationStatus.Unknown"/>, whatever <see cref="OnViewChange"/> says, with its inputs as
    /// they were.
    /// </remarks>
    public bool BestEffort { get; init; }

    /// <summary>How data travels. Part of what members must agree on; the result may have other bits with another one.</summary>
    /// <value>Auto: what the view says for the operation and its size.</value>
    public Algorithm Algorithm { get; init; }

    /// <summary>How long the operation may take before it is condemned on every member; null takes the session's value.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How an operation ended.</summary>
public enum OperationStatus
{
    /// <summary>Committed: every member of the next view has the same result.</summary>
    Completed,

    /// <summary>Not committed anywhere; inputs are as they were.</summary>
    Aborted,

    /// <summary>This member left the run before it could learn the outcome, or the operation was best effort and the view changed:
    /// others may have the result. Inputs are as they were here.</summary>
    Unknown,
}

/// <summary>How an operation ended, and with whom.</summary>
/// <param name="Status">Completed, aborted or unknown.</param>
/// <param name="View">The view in which it ended.</param>
/// <param name="Members">The members among whom it was committed, also those with weight 0; the same list, in rank order, on
/// all of them. Empty unless completed.</param>
/// <param name="TotalWeight">The sum of the members' weights; the divisor of averages.</param>
/// <param name="Attempts">1, and one more for every view in which it was run again.</param>
/// <param name="Error">Why it did not complete.</param>
public sealed record OperationOutcome(
    OperationStatus Status,
    ViewId View,
    IReadOnlyList<MemberId> Members,
    double TotalWeight,
    int Attempts,
    Core.Errors.CrossnodeException? Error)
{
    /// <summary>The processes that were the members, in the same order; a restarted member has another one than before.</summary>
    public IReadOnlyList<ulong> Incarnations { get; init; } = [];

    /// <summary>The operation's number within its tag: the same on all members, from 1; 0 when it never got one.</summary>
    public long Sequence { get; init; }

    /// <summary>Throws <see cref="Error"/> unless the operation completed.</summary>
    public OperationOutcome ThrowIfFailed() => Status == OperationStatus.Completed ? this : throw Error!;
}
