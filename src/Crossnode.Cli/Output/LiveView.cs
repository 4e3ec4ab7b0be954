using System.Collections.Concurrent;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Crossnode.Cli.Output;

/// <summary>A picture at the bottom of the terminal that is drawn anew a few times a second; lines go above it.</summary>
internal sealed class LiveView : IRunView
{
    private static readonly TimeSpan DrawInterval = TimeSpan.FromSeconds(0.25);

    // Lines come a few a second; a reader that is this far behind gets no more.
    private readonly BlockingCollection<string> _lines = new(boundedCapacity: 10_000);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _drawing;

    /// <param name="console">The terminal; nobody else writes to it until this is disposed.</param>
    /// <param name="draw">Makes the picture; called from one thread of the pool.</param>
    /// <param name="time">The clock.</param>
    public LiveView(IAnsiConsole console, Func<IRenderable> draw, TimeProvider time)
    {
        TakeUsualSizeWhereUnknown(console);
        _drawing = console.Live(new Text("")).AutoClear(false).StartAsync(async live =>
        {
            while (!_stop.IsCancellationRequested)
            {
                Draw(console, live, draw);
                await Task.Delay(DrawInterval, time, _stop.Token).ContinueWith(
                    static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
            Draw(console, live, draw);
        });
    }

    /// <summary>Whether the terminal can be drawn on.</summary>
    public static bool IsPossible => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;

    /// <inheritdoc />
    public void WriteLine(string text) => _lines.TryAdd(text);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _drawing;
        _stop.Dispose();
        _lines.Dispose();
    }

    // A terminal that does not know its size says 0, and drawing a live picture into no rows fails.
    private static void TakeUsualSizeWhereUnknown(IAnsiConsole console)
    {
        if (console.Profile.Height < 1)
        {
            console.Profile.Height = 24;
        }
        if (console.Profile.Width < 1)
        {
            console.Profile.Width = 80;
        }
    }

    private void Draw(IAnsiConsole console, LiveDisplayContext live, Func<IRenderable> draw)
    {
        while (_lines.TryTake(out var line))
        {
            foreach (var covering in Covering(line, console.Profile.Width))
            {
                console.WriteLine(covering);
            }
        }
        live.UpdateTarget(draw());
    }

    // Lines are written over the old picture, which the console does not clear: what they do not cover would stay.
    internal static IEnumerable<string> Covering(string text, int width)
    {
        // The last column stays free: a terminal may or may not wrap there.
        var columns = Math.Max(1, width - 1);
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            for (var at = 0; at == 0 || at < line.Length; at += columns)
            {
                yield return line.Substring(at, Math.Min(columns, line.Length - at)).PadRight(columns);
            }
        }
    }
}
