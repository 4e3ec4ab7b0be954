using Crossnode.Core;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation.Schedules;

/// <summary>Draws the faults of a schedule.</summary>
internal sealed class FaultGenerator(DeterministicRandom random, TagScript[] tags, int members, int survivors, long window)
{
    private static readonly FaultKind[] Mix =
    [
        FaultKind.Crash, FaultKind.Crash, FaultKind.Restart, FaultKind.Restart, FaultKind.Vanish, FaultKind.Vanish,
        FaultKind.Stop, FaultKind.Stop,
        FaultKind.StopCoordinator,
        FaultKind.LinkBlip, FaultKind.LinkBlip, FaultKind.LinkBlip,
        FaultKind.LinkCut, FaultKind.LinkCut, FaultKind.LinkGone, FaultKind.LinkGone,
        FaultKind.Isolate, FaultKind.OneWay,
        FaultKind.Partition,
        FaultKind.CoordinatorPartition, FaultKind.CoordinatorPartition,
        FaultKind.ControlLost, FaultKind.ControlLost, FaultKind.ControlLost, FaultKind.ControlLost, FaultKind.ControlLost,
        FaultKind.Delay,
        FaultKind.Mismatch, FaultKind.Mismatch,
        FaultKind.Deadline, FaultKind.Deadline,
        FaultKind.Leave,
    ];

    private static readonly Trigger[] Triggers =
    [
        Trigger.Prepare, Trigger.Answer, Trigger.Answer, Trigger.NewView, Trigger.NewView, Trigger.Install,
        Trigger.Outcome, Trigger.Report, Trigger.Condemned,
    ];

    public Fault[] Make()
    {
        var faults = new List<Fault>();
        var count = random.Between(3, 5);
        var cancels = random.Between(0, 2);
        var deaths = 0;
        var hub = random.NextInt32(members);
        while (faults.Count < count + cancels)
        {
            var fault = MakeOne(faults.Count < cancels ? FaultKind.Cancel : random.Pick(Mix), hub);
            if (IsDeath(fault.Kind) && ++deaths > members - survivors)
            {
                continue;
            }

            faults.Add(fault);
            ChangeCalls(fault);
        }

        // What gives an operation up is only half of a schedule: its request may be lost.
        if (faults.Exists(static fault => fault.Kind is FaultKind.Mismatch or FaultKind.Deadline) && random.Percent(40))
        {
            faults.Add(new Fault { Kind = FaultKind.ControlLost, Trigger = Trigger.Condemned, Follows = true, Variant = random.NextInt32(100) });
        }

        return [.. faults];
    }

    /// <summary>Adds what every schedule has: processes that join, and one at least that is started again.</summary>
    public static Fault[] WithNewcomers(Fault[] faults, DeterministicRandom random, int members, int survivors, int joins, long window)
    {
        var all = faults.ToList();
        var deaths = all.Count(static fault => IsDeath(fault.Kind));
        if (!all.Exists(static fault => fault.Kind == FaultKind.Restart))
        {
            // One more member may die, or else a newcomer.
            all.Add(MakeJoin(random, FaultKind.Restart, window) with
            {
                Member = deaths < members - survivors ? random.NextInt32(members) : members,
                Duration = random.LogTicks(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(2500)),
            });
        }

        // Else few schedules would end with a member alone, or in silence.
        var allDie = random.Percent(40);
        for (var join = 0; join < joins; join++)
        {
            all.Add(MakeJoin(random, FaultKind.Join, window) with { Newcomer = members + join });
            if (allDie || random.Percent(20))
            {
                all.Add(MakeDeath(random, members + join, window));
            }
        }

        var restarted = members + joins;
        if (allDie)
        {
            var restarts = all.Count(static fault => fault.Kind == FaultKind.Restart);
            all.AddRange(Enumerable.Range(restarted, restarts).Select(process => MakeDeath(random, process, window)));
        }

        for (var index = 0; index < all.Count; index++)
        {
            // The sides of a partition know only who was there from the first.
            var fault = all[index] with { Side = all[index].Side | (random.NextInt32(1 << 12) << (members + 1)), Number = index };
            all[index] = fault.Kind == FaultKind.Restart ? fault with { Newcomer = restarted++ } : fault;
        }

        return [.. all];
    }

    public static bool IsDeath(FaultKind kind) =>
        kind is FaultKind.Crash or FaultKind.Restart or FaultKind.Vanish or FaultKind.Leave;

    // Later than most of the rest, when it has been admitted.
    private static Fault MakeDeath(DeterministicRandom random, int process, long window)
    {
        var kind = random.Percent(50) ? FaultKind.Crash : FaultKind.Vanish;
        return MakeJoin(random, kind, window) with { Member = process, Trigger = Trigger.Time, At = window + random.NextInt64(window) };
    }

    private static Fault MakeJoin(DeterministicRandom random, FaultKind kind, long window)
    {
        var trigger = random.Percent(60) ? Trigger.Time : random.Pick(Triggers);
        return new Fault
        {
            Kind = kind,
            Trigger = trigger,
            Count = random.Between(1, 6),
            At = trigger == Trigger.Time
                ? random.NextInt64(window)
                : random.Percent(40) ? 0 : random.LogTicks(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(50)),
            AtLatest = trigger == Trigger.Time ? 0 : (window / 4) + random.NextInt64(window),
            Variant = random.NextInt32(100),
        };
    }

    private Fault MakeOne(FaultKind kind, int hub)
    {
        // Links that break at one member leave graphs without a ring.
        var isLink = kind is FaultKind.LinkBlip or FaultKind.LinkCut or FaultKind.LinkGone;
        var member = isLink && random.Percent(50) ? hub : random.NextInt32(members);
        var tag = random.NextInt32(tags.Length);
        var trigger = PickTrigger(kind);
        return new Fault
        {
            Kind = kind,
            Trigger = trigger,
            Follows = trigger == Trigger.Payload || random.Percent(60),
            Count = trigger switch
            {
                Trigger.Outcome or Trigger.Payload => random.Between(1, 40),
                Trigger.Report or Trigger.Condemned => random.Between(1, 3),
                _ => random.Between(1, 2 * members),
            },
            At = trigger switch
            {
                Trigger.Time => random.NextInt64(window),
                Trigger.Payload => 0,
                Trigger.NewView when kind == FaultKind.ControlLost => 0,
                _ => random.Percent(40) ? 0 : random.LogTicks(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(50)),
            },
            AtLatest = kind == FaultKind.Cancel || trigger == Trigger.Time ? 0 : (window / 4) + random.NextInt64(window),
            Duration = kind is FaultKind.CoordinatorPartition or FaultKind.Stop && random.Percent(40)
                ? TimeSpan.FromMilliseconds(random.Between(1600, 2800)).Ticks
                : random.LogTicks(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(2500)),
            Member = member,
            Other = (member + 1 + random.NextInt32(members - 1)) % members,
            Side = random.Between(1, (1 << (members + 1)) - 2),
            Tag = tag,
            Operation = random.NextInt32(tags[tag].Operations.Length),
            Variant = random.NextInt32(100),
        };
    }

    private Trigger PickTrigger(FaultKind kind) => kind switch
    {
        FaultKind.Cancel => Trigger.Called,
        FaultKind.Leave or FaultKind.Mismatch or FaultKind.Deadline => Trigger.Time,
        FaultKind.LinkBlip or FaultKind.LinkCut or FaultKind.Crash when random.Percent(60) => Trigger.Payload,
        FaultKind.ControlLost when random.Percent(65) => Trigger.NewView,
        _ => random.Percent(45) ? Trigger.Time : random.Pick(Triggers),
    };

    // Faults of callers are part of what is called.
    private void ChangeCalls(Fault fault)
    {
        var operation = tags[fault.Tag].Operations[fault.Operation];
        switch (fault.Kind)
        {
            case FaultKind.Mismatch:
                operation.MismatchedAt = fault.Member;
                operation.MismatchedParts = MakeMismatch(operation.Parts);
                break;
            case FaultKind.Deadline:
                operation.DeadlineAt = fault.Member;
                operation.DeadlineTicks = random.LogTicks(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(300));
                operation.HeldBackAt = fault.Variant < 50 ? fault.Other : -1;
                operation.Think[fault.Other] += TimeSpan.FromMilliseconds(random.Between(0, 400)).Ticks;
                break;
            case FaultKind.Leave:
                tags[fault.Tag].Calls[fault.Member] = Math.Min(tags[fault.Tag].Calls[fault.Member], fault.Operation);
                break;
            default:
                break;
        }
    }

    private PartScript[] MakeMismatch(PartScript[] parts)
    {
        if (parts.Length == 0)
        {
            return [new PartScript(CollectiveKind.AllReduce, ElementType.Float32, ReduceOperator.Sum, 3, 0)];
        }

        var other = (PartScript[])parts.Clone();
        ref var part = ref other[random.NextInt32(other.Length)];
        switch (random.NextInt32(4))
        {
            case 0:
                return [];
            case 1:
                part = part with { Count = part.Count + 1 };
                break;
            case 2:
                part = part with { Type = part.Type == ElementType.Float32 ? ElementType.Float64 : ElementType.Float32 };
                break;
            default:
                part = part.Kind == CollectiveKind.Broadcast
                    ? new PartScript(CollectiveKind.AllReduce, part.Type, ReduceOperator.Sum, part.Count, 0)
                    : part with { Reduce = part.Reduce == ReduceOperator.Sum ? ReduceOperator.Average : ReduceOperator.Sum };
                break;
        }

        return other;
    }
}
