using Crossnode.Cli.Launching;

namespace Crossnode.Cli.Tests.Launching;

[Trait("tier", "unit")]
public sealed class StopRequestsTests
{
    [Fact]
    public void Second_signal_within_a_second_is_the_same_wish_and_a_later_one_insists()
    {
        var clock = new HandClock();
        var calls = new List<string>();
        using var stops = new StopRequests(signal => calls.Add(Signals.Name(signal)), () => calls.Add("insists"), clock);
        Assert.False(stops.AreMade);
        stops.Take(Signals.Terminate);
        stops.Take(Signals.Terminate);
        clock.Now = TimeSpan.FromSeconds(0.999);
        stops.Take(Signals.Interrupt);
        Assert.True(stops.AreMade);
        Assert.Equal(["SIGTERM"], calls);

        clock.Now = TimeSpan.FromSeconds(1);
        stops.Take(Signals.Terminate);
        stops.Take(Signals.Terminate);
        Assert.Equal(["SIGTERM", "insists", "insists"], calls);
    }

    /// <summary>Stands until it is set.</summary>
    private sealed class HandClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
