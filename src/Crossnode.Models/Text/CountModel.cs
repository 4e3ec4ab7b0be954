namespace Crossnode.Models.Text;

/// <summary>Predicts a byte from the few before it by counting: what a network has to beat.</summary>
/// <remarks>
/// Interpolated Witten-Bell smoothing (Witten and Bell 1991). With c(h, w) the count of w after the context h, c(h) the sum
/// over w, and n(h) how many different bytes were seen after h,
/// p(w | h) = (c(h, w) + n(h) p(w | h')) / (c(h) + n(h)), where h' is h without its oldest byte, down to the uniform 1/256.
/// A context that was never seen says nothing: p(w | h) = p(w | h').
/// </remarks>
public sealed class CountModel
{
    /// <summary>The longest context, in bytes.</summary>
    public const int LongestContext = 4;

    private readonly GramTable[] _grams = new GramTable[LongestContext + 1];
    private readonly GramTable[] _totals = new GramTable[LongestContext + 1];
    private readonly GramTable[] _followers = new GramTable[LongestContext + 1];

    /// <summary>Counts a text.</summary>
    public CountModel(ReadOnlySpan<byte> text)
    {
        _grams[LongestContext] = CountLongest(text);
        for (var context = LongestContext - 1; context >= 0; context--)
        {
            _grams[context] = Shorten(_grams[context + 1], text, context);
        }
        for (var context = 0; context <= LongestContext; context++)
        {
            (_totals[context], _followers[context]) = Contexts(_grams[context]);
        }
    }

    /// <summary>Measures a text with 0 to <see cref="LongestContext"/> bytes of context: element k is for k bytes, in nats per byte.</summary>
    /// <exception cref="ArgumentException">The text is empty.</exception>
    public double[] NatsPerByte(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            throw new ArgumentException("A loss per byte needs at least one byte.", nameof(text));
        }
        var nats = new double[LongestContext + 1];
        ulong history = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var probability = 1.0 / 256;
            for (var context = 0; context <= LongestContext; context++)
            {
                if (context <= i)
                {
                    probability = Refine(probability, context, history, text[i]);
                }
                nats[context] -= Math.Log(probability);
            }
            history = (history << 8) | text[i];
        }
        for (var context = 0; context <= LongestContext; context++)
        {
            nats[context] /= text.Length;
        }
        return nats;
    }

    private double Refine(double shorter, int context, ulong history, byte next)
    {
        var key = history & Mask(context);
        var total = _totals[context][key];
        if (total == 0)
        {
            return shorter;
        }
        var followers = _followers[context][key];
        return (_grams[context][(key << 8) | next] + (followers * shorter)) / (total + followers);
    }

    private static GramTable CountLongest(ReadOnlySpan<byte> text)
    {
        var grams = new GramTable();
        ulong window = 0;
        for (var i = 0; i < text.Length; i++)
        {
            window = ((window << 8) | text[i]) & Mask(LongestContext + 1);
            if (i >= LongestContext)
            {
                grams.Add(window, 1);
            }
        }
        return grams;
    }

    /// <summary>Sums over the oldest byte, and adds the one place at the text's start that has too little before it.</summary>
    private static GramTable Shorten(GramTable longer, ReadOnlySpan<byte> text, int context)
    {
        var grams = new GramTable();
        foreach (var (key, count) in longer.Entries())
        {
            grams.Add(key & Mask(context + 1), count);
        }
        if (text.Length > context)
        {
            ulong first = 0;
            foreach (var value in text[..(context + 1)])
            {
                first = (first << 8) | value;
            }
            grams.Add(first, 1);
        }
        return grams;
    }

    private static (GramTable Totals, GramTable Followers) Contexts(GramTable grams)
    {
        var totals = new GramTable();
        var followers = new GramTable();
        foreach (var (key, count) in grams.Entries())
        {
            totals.Add(key >> 8, count);
            followers.Add(key >> 8, 1);
        }
        return (totals, followers);
    }

    private static ulong Mask(int bytes) => (1UL << (8 * bytes)) - 1;
}
