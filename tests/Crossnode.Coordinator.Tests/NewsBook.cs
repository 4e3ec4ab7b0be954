using System.Diagnostics;

namespace Crossnode.Coordinator.Tests;

/// <summary>Keeps a coordinator's news, and waits for one.</summary>
internal sealed class NewsBook
{
    private readonly List<RunNews> _news = [];

    public void Add(RunNews news)
    {
        lock (_news)
        {
            _news.Add(news);
            Monitor.PulseAll(_news);
        }
    }

    public RunNews WaitFor(RunNewsKind kind, string text = "")
    {
        var start = Stopwatch.GetTimestamp();
        lock (_news)
        {
            while (true)
            {
                if (_news.Find(news => news.Kind == kind && news.Text!.Contains(text, StringComparison.Ordinal)) is { } found)
                {
                    return found;
                }

                var left = TimeSpan.FromSeconds(30) - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_news, left))
                {
                    Assert.Fail($"no {kind} with '{text}' came: {string.Join(Environment.NewLine, _news)}");
                }
            }
        }
    }
}
