using Crossnode.Core;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation.Schedules;

/// <summary>Draws the faults of a schedule.</summary>
internal static class FaultGenerator
{
    private static readonly FaultKind[] Mix =
    [
        FaultKind.Crash, FaultKind.Crash, FaultKind.Crash,
        FaultKind.Vanish,
        FaultKind.Stop, FaultKind.Stop,
        FaultKind.StopCoordinator,
        FaultKind.LinkBlip, FaultKind.LinkBlip, FaultKind.LinkBlip,
        FaultKind.LinkCut, FaultKind.LinkCut, FaultKind.LinkCut,
        FaultKind.OneWay,
        FaultKind.Partition,
        FaultKind.CoordinatorPartition, FaultKind.CoordinatorPartition,
        FaultKind.ControlLost, FaultKind.ControlLost, FaultKind.ControlLost,
        FaultKind.Delay,
        FaultKind.Cancel, FaultKind.Cancel, FaultKind.Cancel,
        FaultKind.Mismatch,
        FaultKind.Deadline,
        FaultKind.Leave,
    ];

    private static readonly Trigger[] Triggers =
    [
        Trigger.Prepare, Trigger.Prepare, Trigger.Answer, Trigger.Answer, Trigger.NewView, Trigger.NewView, Trigger.Commit, Trigger.DataComplete,
    ];

    public static Fault[] Make(DeterministicRandom random, int members, TagScript[] tags)
    {
        var faults = new Fault[random.Between(3, 6)];
        var deaths = 0;
        for (var index = 0; index < faults.Length; index++)
        {
            var fault = MakeOne(random, members, tags);
            // Two members at least stay, or there is nothing left to check.
            if (fault.Kind is FaultKind.Crash or FaultKind.Vanish or FaultKind.Leave && ++deaths > members - 2)
            {
                index--;
                continue;
            }

            faults[index] = fault;
            Prepare(random, fault, tags);
        }

        return faults;
    }

    private static Fault MakeOne(DeterministicRandom random, int members, TagScript[] tags)
    {
        var kind = random.Pick(Mix);
        var member = random.NextInt32(members);
        var tag = random.NextInt32(tags.Length);
        var isTimed = random.Percent(50);
        var trigger = kind switch
        {
            FaultKind.Cancel => Trigger.Called,
            FaultKind.Leave or FaultKind.Mismatch or FaultKind.Deadline => Trigger.Time,
            _ when isTimed => Trigger.Time,
            _ => random.Pick(Triggers),
        };
        return new Fault
        {
            Kind = kind,
            Trigger = trigger,
            Count = trigger is Trigger.Commit or Trigger.DataComplete ? random.Between(1, 60) : random.Between(1, 2 * members),
            At = trigger == Trigger.Time
                ? random.NextInt64(TimeSpan.FromMilliseconds(700).Ticks)
                : random.Percent(40) ? 0 : random.LogTicks(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(50)),
            Duration = random.LogTicks(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(2500)),
            Member = member,
            Other = (member + 1 + random.NextInt32(members - 1)) % members,
            Side = random.Between(1, (1 << (members + 1)) - 2),
            Tag = tag,
            Operation = random.NextInt32(tags[tag].Operations.Length),
            Variant = random.NextInt32(100),
        };
    }

    // Faults of callers are part of what is called.
    private static void Prepare(DeterministicRandom random, Fault fault, TagScript[] tags)
    {
        var operation = tags[fault.Tag].Operations[fault.Operation];
        switch (fault.Kind)
        {
            case FaultKind.Mismatch:
                operation.MismatchedAt = fault.Member;
                operation.MismatchedParts = MakeMismatch(random, operation.Parts);
                break;
            case FaultKind.Deadline:
                operation.DeadlineAt = fault.Member;
                operation.DeadlineTicks = random.LogTicks(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(300));
                operation.Think[fault.Other] += TimeSpan.FromMilliseconds(random.Between(0, 400)).Ticks;
                break;
            case FaultKind.Leave:
                tags[fault.Tag].Calls[fault.Member] = Math.Min(tags[fault.Tag].Calls[fault.Member], fault.Operation);
                break;
            default:
                break;
        }
    }

    private static PartScript[] MakeMismatch(DeterministicRandom random, PartScript[] parts)
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
