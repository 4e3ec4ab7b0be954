namespace Crossnode.Tidy.Tests;

internal static class Violations
{
    /// <summary>Fails with every violation on a line of its own: a shortened list would hide the second cause.</summary>
    public static void AssertNone(IEnumerable<string> violations)
    {
        var lines = violations.ToList();
        Assert.True(lines.Count == 0, string.Join('\n', lines));
    }
}
