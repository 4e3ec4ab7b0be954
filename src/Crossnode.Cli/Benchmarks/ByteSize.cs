using System.Globalization;

namespace Crossnode.Cli.Benchmarks;

/// <summary>Sizes in bytes, as people write them: 4096, 4KiB, 64MiB.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, int Shift)[] Units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

    /// <summary>Reads a size.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        var (unit, shift) = Units.FirstOrDefault(u => text.EndsWith(u.Unit, StringComparison.OrdinalIgnoreCase));
        var digits = text.AsSpan(0, text.Length - (unit?.Length ?? 0)).TrimEnd();
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue >> shift)
        {
            bytes = 0;
            return false;
        }
        bytes = number << shift;
        return true;
    }

    /// <summary>Writes a size in the largest unit that leaves a whole number.</summary>
    public static string Text(long bytes)
    {
        var (unit, shift) = Units.First(u => bytes >> u.Shift > 0 && bytes % (1L << u.Shift) == 0 || u.Shift == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes >> shift} {unit}");
    }
}
