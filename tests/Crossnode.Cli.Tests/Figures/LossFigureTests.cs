using Crossnode.Cli.Figures;
using SkiaSharp;

namespace Crossnode.Cli.Tests.Figures;

[Trait("tier", "unit")]
public sealed class LossFigureTests
{
    private static readonly LossCurves Curves = new()
    {
        Training = [.. Enumerable.Range(0, 200).Select(i => 1 + Math.Exp(-i / 30.0))],
        HeldOut = [(100, 1.2), (200, 1.1)],
        CountModels = [(3, 1.25), (4, 1.08)],
        ViewChanges = [(120, "without 3")],
    };

    [Fact]
    public void Figure_has_its_text_in_both_formats()
    {
        var path = Path.Combine(Path.GetTempPath(), $"crossnode-figure-{Environment.ProcessId}");
        try
        {
            LossFigure.Save(Curves, path);
            var svg = File.ReadAllText(path + ".svg");
            Assert.All(
                (string[])["nats per byte", "step", "without 3", "count model, 3 bytes of context"],
                text => Assert.Contains(text, svg, StringComparison.Ordinal));
            using var figure = SKBitmap.Decode(path + ".png");
            Assert.Equal((960, 540), (figure.Width, figure.Height));
            // The title stands alone in the topmost rows.
            Assert.InRange(DarkPixels(figure, top: 0, bottom: 40), 150, 5000);
        }
        finally
        {
            File.Delete(path + ".svg");
            File.Delete(path + ".png");
        }
    }

    // The same letters drawn with Inter itself, not with whatever this machine may have.
    [Fact]
    public void Text_is_drawn_with_the_embedded_font()
    {
        EmbeddedFont.Install();
        var typeface = ScottPlot.Fonts.GetTypeface(EmbeddedFont.Name, bold: true, italic: false);
        Assert.Equal("Inter", typeface.FamilyName);
        Assert.All("nats per byte 0123456789.,", letter => Assert.NotEqual(0, typeface.GetGlyph(letter)));
    }

    [Fact]
    public void Run_that_took_no_step_can_be_drawn() => Assert.NotNull(LossFigure.Draw(new LossCurves { Training = [], HeldOut = [] }));

    private static int DarkPixels(SKBitmap bitmap, int top, int bottom)
    {
        var dark = 0;
        for (var y = top; y < bottom; y++)
        {
            for (var x = 0; x < bitmap.Width; x++)
            {
                var pixel = bitmap.GetPixel(x, y);
                dark += pixel.Red + pixel.Green + pixel.Blue < 200 ? 1 : 0;
            }
        }
        return dark;
    }
}
