using System.Text.Json;
using TorchSharp;

namespace Crossnode.JoinBench.Worker;

/// <summary>A process that takes part in one run after another, as its launcher's lines say: run JSON, leave, stop, quit.</summary>
internal sealed class WorkerLoop
{
    private readonly object _gate = new();
    private Member? _current;
    private string? _pending;
    private bool _isOver;

    public int Run()
    {
        torch.set_num_threads(1);
        using (var _ = torch.zeros(16).add_(1))
        {
            Say("ready");
        }

        new Thread(Listen) { IsBackground = true, Name = "lines" }.Start();
        while (Next() is { } member)
        {
            try
            {
                Say($"done {JsonSerializer.Serialize(member.Train())}");
            }
            catch (Exception error)
            {
                Say($"failed {error.GetType().Name}: {error.Message} {Environment.NewLine}{error.StackTrace}".ReplaceLineEndings(" | "));
            }

            lock (_gate)
            {
                _current = null;
            }

            Say("idle");
        }

        return 0;
    }

    public static void Say(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    private Member? Next()
    {
        lock (_gate)
        {
            while (_pending is null && !_isOver)
            {
                Monitor.Wait(_gate);
            }

            _current = _pending is null ? null : new Member(Assignment.Parse(_pending));
            _pending = null;
            return _current;
        }
    }

    private void Listen()
    {
        while (Console.ReadLine() is { } line)
        {
            lock (_gate)
            {
                if (line.StartsWith("run ", StringComparison.Ordinal))
                {
                    _pending = line["run ".Length..];
                }
                else if (line == "leave")
                {
                    _current?.Leave();
                }
                else if (line == "stop")
                {
                    _current?.Stop();
                }

                Monitor.PulseAll(_gate);
            }
        }

        lock (_gate)
        {
            _isOver = true;
            Monitor.PulseAll(_gate);
        }

        // The launcher is gone or done: a run that is under way has nobody to report to.
        Environment.Exit(0);
    }
}
