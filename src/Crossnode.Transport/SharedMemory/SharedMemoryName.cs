using System.Globalization;
using Crossnode.Core;

namespace Crossnode.Transport;

/// <summary>Names of shared files: crossnode-PID-START-RANDOM, so that one whose process has died can be told.</summary>
internal static class SharedMemoryName
{
    public const string Prefix = "crossnode-";
    public const int LongestBytes = 80;
    private const int Parts = 4;
    private const int RandomDigits = 32;

    public static string Create(IRandomSource random) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Prefix}{Environment.ProcessId}-{StartOf(Environment.ProcessId) ?? "0"}-{random.NextUInt64():x16}{random.NextUInt64():x16}");

    /// <summary>Whether it has the form, and who made it.</summary>
    public static bool TryParse(string name, out int processId, out string started)
    {
        (processId, started) = (0, "");
        var parts = name.Length <= LongestBytes ? name.Split('-') : [];
        if (parts.Length != Parts || !name.StartsWith(Prefix, StringComparison.Ordinal)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out processId)
            || !parts[2].All(char.IsAsciiDigit)
            || parts[3].Length != RandomDigits || !parts[3].All(char.IsAsciiHexDigitLower))
        {
            return false;
        }

        started = parts[2];
        return true;
    }

    /// <summary>When a process started, in ticks since boot: ids are used again, but not with the same start.</summary>
    /// <returns>Null when there is no such process.</returns>
    public static string? StartOf(int processId)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        // The second field is a name in parentheses that may itself hold any of both; the fields after it are numbers.
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const int State = 0, StartTicks = 19;
        return fields.Length > StartTicks && fields[State] is not ("Z" or "X") ? fields[StartTicks] : null;
    }
}
