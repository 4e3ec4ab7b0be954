namespace Crossnode.Simulation.Schedules;

/// <summary>How patient everybody is: the defaults of the product, all divided by 20/3, so that a schedule is over sooner.</summary>
internal static class Timings
{
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    public static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(150);
    public static readonly TimeSpan EvictAfter = TimeSpan.FromMilliseconds(1500);
    public static readonly TimeSpan DialTimeout = TimeSpan.FromMilliseconds(450);
    public static readonly TimeSpan ProbeFor = TimeSpan.FromMilliseconds(600);
    public static readonly TimeSpan ReconnectAfter = TimeSpan.FromMilliseconds(30);
    public static readonly TimeSpan ReconnectAtMost = TimeSpan.FromMilliseconds(150);
    public static readonly TimeSpan ReattachFor = TimeSpan.FromMilliseconds(3000);
    public static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(300);
    public static readonly TimeSpan GatherFor = TimeSpan.FromMilliseconds(8);
    public static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(150);
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromSeconds(9);
    public static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(11);

    /// <summary>Operations never end by a deadline unless the schedule says so: one that hangs has to be noticed.</summary>
    public static readonly TimeSpan NoDeadline = TimeSpan.FromHours(1);

    /// <summary>When all faults are over at the latest, and every operation has to end some time after that.</summary>
    public static readonly TimeSpan Heal = TimeSpan.FromSeconds(4);

    /// <summary>A few evictions in a row, with PREPARE repeated in between.</summary>
    public static readonly TimeSpan ProgressWithin = TimeSpan.FromSeconds(15);

    /// <summary>A process that stands still for longer may miss that a view opens its links, and so lose them all.</summary>
    public static readonly TimeSpan ToleratedStop = DialTimeout / 2;

    /// <summary>A member cut off from the coordinator for longer, whose stream was lost meanwhile, may be out.</summary>
    public static readonly TimeSpan ToleratedLoss = Grace / 3;

    /// <summary>The same when its stream survived: only silence counts.</summary>
    public static readonly TimeSpan ToleratedSilence = EvictAfter * 0.6;
}
