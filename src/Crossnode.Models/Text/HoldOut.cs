using System.Text;

namespace Crossnode.Models.Text;

/// <summary>Splits documents into those that are learned and those that measure what was learned.</summary>
/// <remarks>
/// Whole documents are held out, in the order of the hashes of their keys, until they make 5 % of the bytes. The split
/// follows from names or content alone: every process, and every later run, finds the same one.
/// </remarks>
internal static class HoldOut
{
    private const double Share = 0.05;

    /// <summary>A document that would take the held-out part above this share is learned instead.</summary>
    private const double LargestShare = 0.07;

    /// <summary>Returns what is learned, what is held out, and whether the latter is the end of one document.</summary>
    public static (List<Document> Training, List<Document> HeldOut, bool IsTail) Split(IReadOnlyList<Document> documents)
    {
        var total = documents.Sum(d => (long)d.Text.Length);
        var heldOutKeys = new HashSet<string>(StringComparer.Ordinal);
        long heldOut = 0;
        var groups = documents.GroupBy(d => d.HoldOutKey)
            .OrderBy(g => Document.HashOf(Encoding.UTF8.GetBytes(g.Key)))
            .Select(g => (g.Key, Bytes: g.Sum(d => (long)d.Text.Length)));
        foreach (var (key, bytes) in groups)
        {
            if (heldOut < Share * total && heldOut + bytes <= LargestShare * total)
            {
                heldOutKeys.Add(key);
                heldOut += bytes;
            }
        }
        return heldOut > 0
            ? ([.. documents.Where(d => !heldOutKeys.Contains(d.HoldOutKey))], [.. documents.Where(d => heldOutKeys.Contains(d.HoldOutKey))], false)
            : SplitLargest(documents);
    }

    /// <summary>With a few large documents none is small enough: the end of the largest is held out, from a new line on.</summary>
    private static (List<Document> Training, List<Document> HeldOut, bool IsTail) SplitLargest(IReadOnlyList<Document> documents)
    {
        var largest = documents.MaxBy(d => d.Text.Length)!;
        var total = documents.Sum(d => (long)d.Text.Length);
        var cut = (int)Math.Max(largest.Text.Length / 2, largest.Text.Length - (long)(Share * total));
        var newLine = largest.Text.AsSpan(cut).IndexOf((byte)'\n');
        cut = newLine >= 0 && cut + newLine + 1 < largest.Text.Length ? cut + newLine + 1 : cut;
        var training = documents.Select(d => ReferenceEquals(d, largest) ? d with { Text = d.Text[..cut] } : d);
        return ([.. training], [largest with { Text = largest.Text[cut..] }], true);
    }
}
