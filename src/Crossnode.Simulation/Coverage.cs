namespace Crossnode.Simulation;

/// <summary>States of the protocol that schedules meet; the names are what people read.</summary>
public enum CoveragePoint
{
    MemberForming,
    MemberRunning,
    MemberFrozen,
    MemberWaiting,
    MemberCaughtUpByPrepare,
    MemberLeft,
    MemberEvicted,

    PrepareWhileNotCalled,
    PrepareWhileWaiting,
    PrepareWhileRunning,
    PrepareWhileDataComplete,
    PrepareInRound0,
    PrepareInRound1,
    PrepareInRound2,
    PrepareInTreeUp,
    PrepareAfterCommitHereOnly,
    PrepareRepeated,
    FrozenWhileSendingPayload,
    FrozenWhileReceivingPayload,
    BrokenWhileReceivingPayload,

    CoordinatorForming,
    CoordinatorStable,
    CoordinatorPreparing,
    CoordinatorFinished,
    ChangeByClosedStream,
    ChangeBySilence,
    ChangeByLinkReport,
    ChangeByCondemned,
    ChangeByLeaving,
    ChangeByRestart,
    ClosedWithAllMembers,
    ClosedByLeaving,
    ClosedByGrace,
    ClosedBySilence,
    ClosedByNeighbours,
    ClosedByRestart,
    ClosedWithoutUnlinked,
    AskedAgain,
    NewViewSentAgain,
    StreamReplaced,
    NewcomerRefused,
    NewcomerAdmitted,
    NewcomerNotCallable,
    RestartedBack,
    ProbeInVain,
    ChangeByJoining,
    ClosedWithNewcomers,

    CoordinatorStoring,
    CoordinatorRestarted,
    CoordinatorDeposed,
    DeposedByHello,
    RestartedBetweenStoredAndAnnounced,
    StoreFailed,
    StoreAmbiguous,
    Reattached,
    ReattachedInTheViewBefore,
    ReattachedFrozen,
    ChangeByFrozen,
    ClosedByNotReattached,
    RecordRebuilt,
    DeclaredDead,
    ClosedByDeclaration,
    RunLost,

    CommittedByBarrier,
    CommittedByNewView,
    KilledByCancel,
    KilledByMismatch,
    KilledByDeadline,
    KilledByReport,
    KilledByMissingRoot,
    KilledBeforeTheCall,
    CommittedAfterRetry,
    RestoredInPlace,
    ZeroWeight,
    OutcomeUnknown,

    LinkUp,
    LinkOnProbation,
    LinkOut,
    LinkReturned,
    LinkParked,
    LinkRefusedAsOld,
    PlanDissemination,
    PlanTreeBarrier,
    PlanRing,
    PlanTree,
    ViewOfOne,

    FaultCrash,
    FaultRestart,
    FaultVanish,
    FaultStop,
    FaultStopCoordinator,
    FaultLinkBlip,
    FaultLinkCut,
    FaultLinkGone,
    FaultIsolate,
    FaultOneWay,
    FaultPartition,
    FaultCoordinatorPartition,
    FaultControlLost,
    FaultDelay,
    FaultCancel,
    FaultMismatch,
    FaultDeadline,
    FaultLeave,
    FaultJoin,
    FaultRestartCoordinator,
    FaultLoseRecord,
    FaultTakeOver,
    FaultStoreFails,
}

/// <summary>How often each state was met.</summary>
public sealed class Coverage
{
    private readonly long[] _counts = new long[Points.Count];

    /// <summary>All states, in the order in which they are listed.</summary>
    public static IReadOnlyList<CoveragePoint> Points { get; } = Enum.GetValues<CoveragePoint>();

    /// <summary>How often a state was met.</summary>
    public long this[CoveragePoint point] => _counts[(int)point];

    /// <summary>Adds the counts of another run.</summary>
    public void Add(Coverage other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (var index = 0; index < _counts.Length; index++)
        {
            _counts[index] += other._counts[index];
        }
    }

    internal void Met(CoveragePoint point) => _counts[(int)point]++;
}
