namespace Crossnode.Cli.Configuration;

/// <summary>Finds the word that somebody probably meant.</summary>
internal static class Spelling
{
    /// <summary>Ends a sentence with a guess, where one of the words is close.</summary>
    public static string DidYouMean(string typed, IEnumerable<string> words)
    {
        var nearest = words.Select(word => (Word: word, Distance: Distance(typed, word))).OrderBy(w => w.Distance).FirstOrDefault();
        return nearest.Word is not null && nearest.Distance <= Math.Max(2, typed.Length / 4) ? $"; did you mean {nearest.Word}?" : ".";
    }

    // Levenshtein's: insertions, deletions and replacements, a row at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
