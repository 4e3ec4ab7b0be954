namespace Crossnode.Collectives.Launching;

/// <summary>Looks every second whether the launcher still runs, so that no worker is left behind when it was killed.</summary>
public sealed class LauncherWatch : IDisposable
{
    /// <summary>The exit code of a worker whose launcher is gone.</summary>
    public const int ExitCode = 70;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PatienceWithExit = TimeSpan.FromSeconds(2);

    private readonly ProcessStamp _launcher;
    private readonly Action _gone;
    private readonly ITimer _timer;
    private int _reported;

    private LauncherWatch(ProcessStamp launcher, Action gone, TimeProvider time)
    {
        _launcher = launcher;
        _gone = gone;
        _timer = time.CreateTimer(static state => ((LauncherWatch)state!).Look(), this, Interval, Interval);
    }

    /// <summary>Starts to look; <paramref name="gone"/> runs once, on a thread of the pool.</summary>
    public static LauncherWatch Start(ProcessStamp launcher, Action gone, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(gone);
        return new LauncherWatch(launcher, gone, time ?? TimeProvider.System);
    }

    /// <summary>Starts to look, and ends this process when the launcher is gone.</summary>
    public static LauncherWatch StartExiting(ProcessStamp launcher) => Start(launcher, () => Exit(launcher));

    /// <summary>Stops looking.</summary>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        if (!_launcher.IsRunning() && Interlocked.Exchange(ref _reported, 1) == 0)
        {
            _timer.Dispose();
            _gone();
        }
    }

    private static void Exit(ProcessStamp launcher)
    {
        Console.Error.WriteLine($"crossnode: the launcher (process {launcher.Id}) is gone; this worker ends too.");
        // Exit waits for handlers that may themselves wait for the training thread.
        using var hardExit = TimeProvider.System.CreateTimer(
            static _ => System.Diagnostics.Process.GetCurrentProcess().Kill(), null, PatienceWithExit, Timeout.InfiniteTimeSpan);
        Environment.Exit(ExitCode);
    }
}
