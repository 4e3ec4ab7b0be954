using System.Diagnostics;
using System.Globalization;

/// <summary>When this process sends itself SIGKILL: so far into an operation, in thousandths of what the same one took before.</summary>
internal sealed record OperationDeath(int Number, int Thousandths)
{
    /// <summary>Reads NUMBER:THOUSANDTHS.</summary>
    public static OperationDeath Parse(string text)
    {
        var words = text.Split(':');
        return new(int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture));
    }

    /// <summary>Begins to count, on a thread of its own, which is ready when this returns.</summary>
    public void Await(TimeSpan usual)
    {
        var self = Process.GetCurrentProcess();
        Console.WriteLine($"dies {Number}");
        Console.Out.Flush();
        using var ready = new ManualResetEventSlim();
        new Thread(() =>
        {
            ready.Set();
            var start = Stopwatch.GetTimestamp();
            var delay = usual * Thousandths / 1000;
            while (Stopwatch.GetElapsedTime(start) < delay)
            {
                // A sleep is longer than an operation.
                Thread.SpinWait(10);
            }

            self.Kill();
        }) { IsBackground = true }.Start();
        ready.Wait();
    }
}
