using Crossnode.Core;
using Crossnode.Simulation.Kernel;

namespace Crossnode.Simulation.Schedules;

/// <summary>Draws what happens to coordinators: every schedule has one at least that dies and comes back.</summary>
internal sealed class CoordinatorFaults(
    Fault[] faults, DeterministicRandom random, int members, int survivors, int processes, long window)
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(2500);

    private static readonly Trigger[] Triggers =
    [
        Trigger.Prepare, Trigger.Answer, Trigger.Answer, Trigger.Install, Trigger.NewView, Trigger.NewView, Trigger.NewView,
        Trigger.Store, Trigger.Store, Trigger.Store, Trigger.Store, Trigger.Store, Trigger.Store, Trigger.Store,
    ];

    // In the middle of everything; or before it, or after it, so that the rest of a schedule has its time.
    private enum Phase
    {
        Middle,
        Before,
        After,
    }

    private readonly List<Fault> _all = [.. faults];
    private readonly Phase _phase = random.NextInt32(100) switch { < 50 => Phase.Middle, < 85 => Phase.Before, _ => Phase.After };

    public Fault[] Make()
    {
        _all.Add(MakeOne(random.Percent(30) ? FaultKind.LoseRecord : FaultKind.RestartCoordinator));
        if (random.Percent(25))
        {
            _all.Add(MakeOne(FaultKind.TakeOver));
        }

        if (random.Percent(40))
        {
            _all.Add(MakeOne(FaultKind.StoreFails));
        }

        if (random.Percent(15))
        {
            _all.Add(MakeOne(FaultKind.RestartCoordinator));
        }

        if (random.Percent(12))
        {
            TakeOverAndDie();
        }

        switch (random.NextInt32(100))
        {
            case < 10:
                LoseRun();
                break;
            case < 20 when survivors == 1:
                LeaveOne();
                break;
            default:
                AddWhatIsCrowdedOut();
                break;
        }

        return [.. _all.Select(static (fault, index) => fault with { Number = index })];
    }

    private Fault MakeOne(FaultKind kind)
    {
        var trigger = _phase != Phase.Middle || random.Percent(25) ? Trigger.Time : random.Pick(Triggers);
        return new Fault
        {
            Kind = kind,
            Trigger = trigger,
            Count = random.Between(1, 5),
            At = _phase switch
            {
                Phase.Before => random.NextInt64((4 * Soon).Ticks),
                Phase.After => window + random.NextInt64(window),
                _ when trigger == Trigger.Time => random.NextInt64(window),
                _ => random.Percent(50) ? 0 : random.LogTicks(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(50)),
            },
            AtLatest = trigger == Trigger.Time ? 0 : (window / 4) + random.NextInt64(window),
            Duration = random.LogTicks(Soon, _phase == Phase.Before ? 8 * Soon : Late),
            Variant = random.NextInt32(100),
        };
    }

    // The first coordinator stands still while the second takes over and dies: members come to the first one again.
    private void TakeOverAndDie()
    {
        var at = random.NextInt64(window);
        _all.Add(new Fault
        {
            Kind = FaultKind.TakeOver, At = at, Duration = TimeSpan.FromMilliseconds(random.Between(2000, 2500)).Ticks,
        });
        _all.Add(new Fault
        {
            Kind = FaultKind.RestartCoordinator,
            At = at + TimeSpan.FromMilliseconds(random.Between(1700, 2000)).Ticks,
            Duration = TimeSpan.FromMilliseconds(random.Between(500, 900)).Ticks,
            Variant = 98,
        });
    }

    private void LeaveOne()
    {
        var at = random.NextInt64(window);
        for (var process = 1; process < processes; process++)
        {
            _all.Add(new Fault
            {
                Kind = FaultKind.Crash, Member = process, At = at + random.NextInt64(TimeSpan.FromMilliseconds(30).Ticks),
            });
        }
    }

    // What needs more time than there is when coordinators come and go.
    private void AddWhatIsCrowdedOut()
    {
        var at = random.NextInt64(window);
        var member = random.NextInt32(members);
        var lasts = TimeSpan.FromMilliseconds(random.Between(1700, 2800)).Ticks;
        switch (random.NextInt32(100))
        {
            case < 12:
                // Nobody gets on while one stands still, and that another cannot be heard shows before anything else.
                _all.Add(new Fault { Kind = FaultKind.CoordinatorPartition, Member = member, At = at, Duration = lasts, Variant = 1 });
                _all.Add(new Fault
                {
                    Kind = FaultKind.Stop,
                    Member = (member + 1) % members,
                    At = at + TimeSpan.FromMilliseconds(150).Ticks,
                    Duration = TimeSpan.FromMilliseconds(1450).Ticks,
                });
                break;
            case < 18:
                _all.Add(new Fault { Kind = FaultKind.Isolate, Member = member, At = at, Duration = lasts });
                break;
            case < 35:
                _all.Add(new Fault
                {
                    Kind = FaultKind.LinkBlip,
                    Trigger = Trigger.Payload,
                    Count = random.Between(1, 40),
                    Follows = true,
                    Member = member,
                    Other = (member + 1) % members,
                });
                break;
            default:
                break;
        }
    }

    // All that are there die; one that has only just come waits.
    private void LoseRun()
    {
        var at = window + random.NextInt64(window);
        var last = _all.FindIndex(static fault => fault.Kind == FaultKind.Join);
        var late = _all[last].Newcomer;
        _all[last] = _all[last] with { Trigger = Trigger.Time, At = at, AtLatest = 0, Variant = 99 };
        _all.RemoveAll(fault => fault.Member == late && fault.Kind != FaultKind.Restart && FaultGenerator.IsDeath(fault.Kind));
        var restart = _all.FindIndex(fault => fault.Member == late && fault.Kind == FaultKind.Restart);
        if (restart >= 0)
        {
            _all[restart] = _all[restart] with { Member = 0 };
        }

        for (var process = 0; process < processes; process++)
        {
            if (process != late)
            {
                _all.Add(new Fault
                {
                    Kind = random.Percent(50) ? FaultKind.Crash : FaultKind.Vanish,
                    Member = process,
                    At = at + random.NextInt64(TimeSpan.FromMilliseconds(3).Ticks),
                });
            }
        }
    }
}
