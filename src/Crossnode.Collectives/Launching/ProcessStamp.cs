using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Crossnode.Collectives.Launching;

/// <summary>Names a process for as long as the machine runs: ids are used again, but not with the same start.</summary>
/// <param name="Id">The process id.</param>
/// <param name="Started">When it was started, in a form of this system's own: only to be compared. Empty matches any.</param>
public readonly record struct ProcessStamp(int Id, string Started)
{
    /// <summary>The calling process.</summary>
    public static ProcessStamp Current => new(Environment.ProcessId, StartOf(Environment.ProcessId) ?? "");

    /// <summary>Whether the process still runs; one that nobody has waited for yet does not.</summary>
    public bool IsRunning() =>
        StartOf(Id) is { } started && (Started.Length == 0 || started.Length == 0 || Started == started);

    private static string? StartOf(int id) => OperatingSystem.IsLinux() ? LinuxStartOf(id) : PortableStartOf(id);

    // Process.StartTime is the boot time plus these ticks, and two processes do not compute the same boot time once the
    // clock was set in between; the ticks alone never move.
    private static string? LinuxStartOf(int id)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        // The second field is a name in parentheses that may itself hold any of both; the fields after it are numbers.
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const int State = 0, StartTicks = 19;
        return fields.Length > StartTicks && fields[State] is not ("Z" or "X") ? fields[StartTicks] : null;
    }

    private static string? PortableStartOf(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return process.HasExited ? null : process.StartTime.ToUniversalTime().Ticks.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            return null;
        }
        catch (Win32Exception)
        {
            // It runs, but this process may not ask since when.
            return "";
        }
    }
}
