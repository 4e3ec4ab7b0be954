using Crossnode.Cli.Output;
using Microsoft.Extensions.Time.Testing;

namespace Crossnode.Cli.Tests.Output;

[Trait("tier", "unit")]
public sealed class NarratorTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _lines = [];

    [Fact]
    public void Lines_carry_the_time_since_the_programs_start()
    {
        using var narrator = Make(() => "", alreadyElapsed: TimeSpan.FromSeconds(0.5));
        _time.Advance(TimeSpan.FromSeconds(0.25));
        narrator.Say("hello");
        Assert.Equal(["[   0.8 s] hello"], _lines);
    }

    [Fact]
    public void Silence_never_lasts_five_seconds()
    {
        using var narrator = Make(() => "still reading", alreadyElapsed: TimeSpan.Zero);
        narrator.Say("reading");
        for (var i = 0; i < 200; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(0.1));
        }
        Assert.InRange(_lines.Count(line => line.EndsWith("still reading", StringComparison.Ordinal)), 4, 6);
    }

    [Fact]
    public void Nothing_is_added_while_things_happen()
    {
        using var narrator = Make(() => "still reading", alreadyElapsed: TimeSpan.Zero);
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            narrator.Say("step");
        }
        Assert.All(_lines, line => Assert.EndsWith("step", line, StringComparison.Ordinal));
    }

    [Fact]
    public void Status_may_wait_for_somebody_who_speaks()
    {
        // A launcher speaks with its own lock held, and its status takes that lock.
        Narrator? narrator = null;
        var spoke = false;
        narrator = Make(
            () =>
            {
                var speaker = new Thread(() => narrator!.Say("news")) { IsBackground = true };
                speaker.Start();
                spoke = speaker.Join(TimeSpan.FromSeconds(10));
                return "still reading";
            },
            alreadyElapsed: TimeSpan.Zero);
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.True(spoke);
        Assert.EndsWith("news", _lines[0], StringComparison.Ordinal);
        narrator.Dispose();
    }

    [Fact]
    public void Nothing_is_said_after_the_end()
    {
        var narrator = Make(() => "", alreadyElapsed: TimeSpan.Zero);
        narrator.Say("last");
        narrator.Dispose();
        narrator.Say("late");
        Assert.EndsWith("last", Assert.Single(_lines), StringComparison.Ordinal);
    }

    private Narrator Make(Func<string> status, TimeSpan alreadyElapsed) => new(_lines.Add, status, new ProgramClock(_time, alreadyElapsed));
}
