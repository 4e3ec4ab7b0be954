using System.Globalization;
using ScottPlot;

namespace Crossnode.Cli.Figures;

/// <summary>Draws bus bandwidth over size.</summary>
internal static class BandwidthFigure
{
    private const int Width = 960;
    private const int Height = 540;

    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB"];

    /// <summary>A line of the figure.</summary>
    /// <param name="Name">As in the legend.</param>
    /// <param name="IsPeer">Drawn with dashes.</param>
    /// <param name="Points">Bytes of the operation, and bytes per second.</param>
    internal sealed record Curve(string Name, bool IsPeer, IReadOnlyList<(long Bytes, double Bandwidth)> Points);

    /// <summary>Writes the figure; the path's ending, .svg or .png, chooses the format.</summary>
    public static void Save(string title, IReadOnlyList<Curve> curves, string path)
    {
        EmbeddedFont.Install();
        var plot = Draw(title, curves);
        if (path.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
        {
            plot.SavePng(path, Width, Height);
        }
        else
        {
            plot.SaveSvg(path, Width, Height);
        }
    }

    internal static Plot Draw(string title, IReadOnlyList<Curve> curves)
    {
        var plot = new Plot();
        plot.Title(title);
        plot.XLabel("size of the operation");
        plot.YLabel("bus bandwidth, GB/s");
        foreach (var curve in curves)
        {
            var points = curve.Points.OrderBy(p => p.Bytes).ToList();
            var line = plot.Add.Scatter(
                points.Select(p => Math.Log2(p.Bytes)).ToArray(), points.Select(p => p.Bandwidth / 1e9).ToArray());
            line.LegendText = curve.Name;
            line.MarkerSize = 7;
            line.LinePattern = curve.IsPeer ? LinePattern.Dashed : LinePattern.Solid;
        }
        var sizes = curves.SelectMany(c => c.Points).Select(p => p.Bytes).Distinct().Order().ToList();
        plot.Axes.Bottom.SetTicks([.. sizes.Select(bytes => Math.Log2(bytes))], [.. sizes.Select(Label)]);
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsY(0, plot.Axes.GetLimits().Top);
        // Beside the lines: there are many, and they may be anywhere.
        plot.ShowLegend(Edge.Right);
        return plot;
    }

    private static string Label(long bytes)
    {
        var unit = 0;
        double number = bytes;
        for (; number >= 1024 && unit < Units.Length - 1; unit++)
        {
            number /= 1024;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{number:0.#} {Units[unit]}");
    }
}
