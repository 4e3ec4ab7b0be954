using System.Diagnostics;

namespace Crossnode.Cli.Output;

/// <summary>Counts from the program's start, which lies before the first line of its code.</summary>
internal sealed class ProgramClock(TimeProvider time, TimeSpan alreadyElapsed)
{
    private readonly long _origin = time.GetTimestamp();

    /// <summary>The time since the program's start.</summary>
    public TimeSpan Elapsed => alreadyElapsed + time.GetElapsedTime(_origin);

    /// <summary>The clock behind it.</summary>
    public TimeProvider Time => time;

    /// <summary>Counts from the start of this process.</summary>
    public static ProgramClock OfProcess()
    {
        using var process = Process.GetCurrentProcess();
        var already = TimeProvider.System.GetUtcNow() - new DateTimeOffset(process.StartTime);
        return new ProgramClock(TimeProvider.System, already < TimeSpan.Zero ? TimeSpan.Zero : already);
    }
}
