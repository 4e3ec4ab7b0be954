using ScottPlot;
using SkiaSharp;

namespace Crossnode.Cli.Figures;

/// <summary>Inter (SIL Open Font License), carried along: on machines without fonts figures would have no text.</summary>
internal sealed class EmbeddedFont : IFontResolver
{
    public const string Name = "Inter";

    private const string Resource = "Crossnode.Cli.Figures.Font.Inter-Latin-Regular.ttf";

    private static readonly Lock Gate = new();
    private static bool _isInstalled;

    // The runtime unloads no typeface while the figure library may still draw with it.
    private static readonly Lazy<SKTypeface> Typeface = new(Load);

    /// <summary>Makes every figure of this process use the font.</summary>
    public static void Install()
    {
        lock (Gate)
        {
            if (!_isInstalled)
            {
                Fonts.FontResolvers.Insert(0, new EmbeddedFont());
                Fonts.Default = Name;
                Fonts.Sans = Name;
                _isInstalled = true;
            }
        }
    }

    /// <inheritdoc />
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Name ? Typeface.Value : null;

    /// <inheritdoc />
    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        fontName == Name ? Typeface.Value : null;

    private static SKTypeface Load()
    {
        using var stream = typeof(EmbeddedFont).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"{Resource} is missing from this build");
        using var data = SKData.Create(stream);
        return SKTypeface.FromData(data);
    }
}
