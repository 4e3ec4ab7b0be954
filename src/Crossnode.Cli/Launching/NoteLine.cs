using System.Globalization;
using System.Text;

namespace Crossnode.Cli.Launching;

/// <summary>A worker's note on its standard output, for a launcher that has no coordinator to hear it from.</summary>
/// <remarks>It begins with a control character: what a program prints for people does not.</remarks>
internal static class NoteLine
{
    private static ReadOnlySpan<byte> Mark => "\u001bnote "u8;

    /// <summary>The line, without its end.</summary>
    public static string Write(uint member, string topic, string json) =>
        string.Create(CultureInfo.InvariantCulture, $"\u001bnote {member} {topic} {json}");

    /// <summary>Reads a line; false when it is an ordinary one.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out int member, out string topic, out string json)
    {
        (member, topic, json) = (0, "", "");
        if (!line.StartsWith(Mark))
        {
            return false;
        }
        var parts = Encoding.UTF8.GetString(line[Mark.Length..]).Split(' ', 3);
        if (parts.Length != 3 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out member))
        {
            return false;
        }
        (topic, json) = (parts[1], parts[2]);
        return true;
    }
}
