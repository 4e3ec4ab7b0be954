using Crossnode.Core;

namespace Crossnode.Simulation.Kernel;

/// <summary>Draws that schedules are made of.</summary>
internal static class Draws
{
    /// <summary>True in that many of a hundred draws.</summary>
    public static bool Percent(this DeterministicRandom random, int percent) => random.NextInt32(100) < percent;

    /// <summary>An integer from both bounds' range, both included.</summary>
    public static int Between(this DeterministicRandom random, int low, int high) => low + random.NextInt32(high - low + 1);

    /// <summary>A time that is as likely between 10 and 20 ms as between 20 and 40; the bounds are rounded to doublings.</summary>
    public static long LogTicks(this DeterministicRandom random, TimeSpan low, TimeSpan high)
    {
        var doublings = 1;
        while (low.Ticks << doublings < high.Ticks)
        {
            doublings++;
        }

        var from = low.Ticks << random.NextInt32(doublings);
        return Math.Min(from + random.NextInt64(from), high.Ticks);
    }

    public static T Pick<T>(this DeterministicRandom random, IReadOnlyList<T> items) => items[random.NextInt32(items.Count)];
}
