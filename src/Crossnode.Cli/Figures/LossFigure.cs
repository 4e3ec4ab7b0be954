using System.Globalization;
using ScottPlot;

namespace Crossnode.Cli.Figures;

/// <summary>What the loss figure shows.</summary>
internal sealed record LossCurves
{
    /// <summary>The step of the first loss.</summary>
    public long FirstStep { get; init; }

    /// <summary>The mean loss of each step from there on, in nats per byte.</summary>
    public required IReadOnlyList<double> Training { get; init; }

    /// <summary>Losses on held-out text, after so many steps.</summary>
    public required IReadOnlyList<(long Steps, double Loss)> HeldOut { get; init; }

    /// <summary>What count models reach on the held-out text, by their bytes of context.</summary>
    public IReadOnlyList<(int ContextBytes, double Loss)> CountModels { get; init; } = [];

    /// <summary>The steps at which the members changed, with what to write there.</summary>
    public IReadOnlyList<(long Step, string Text)> ViewChanges { get; init; } = [];
}

/// <summary>Draws losses over steps.</summary>
internal static class LossFigure
{
    private const int Width = 960;
    private const int Height = 540;

    // More of the first, steep steps than this would press everything else flat.
    private const double HighestLoss = 4;

    // Room for text below the lowest line.
    private const double Margin = 0.1;

    // Losses of single steps jump about; this many are averaged.
    private const int SmoothedSteps = 20;

    /// <summary>Writes the figure as NAME.svg and NAME.png.</summary>
    public static void Save(LossCurves curves, string pathWithoutExtension)
    {
        EmbeddedFont.Install();
        var plot = Draw(curves);
        plot.SaveSvg(pathWithoutExtension + ".svg", Width, Height);
        plot.SavePng(pathWithoutExtension + ".png", Width, Height);
    }

    internal static Plot Draw(LossCurves curves)
    {
        var plot = new Plot();
        plot.Title("Loss of a byte-level GPT");
        plot.XLabel("step");
        plot.YLabel("nats per byte");
        var smooth = Smooth(curves.Training);
        if (smooth.Length > 0)
        {
            var training = plot.Add.Signal(smooth);
            training.Data.XOffset = curves.FirstStep;
            training.LegendText = $"training, mean of {SmoothedSteps} steps";
        }
        if (curves.HeldOut.Count > 0)
        {
            var heldOut = plot.Add.Scatter(
                curves.HeldOut.Select(p => (double)p.Steps).ToArray(), curves.HeldOut.Select(p => p.Loss).ToArray());
            heldOut.LegendText = $"held out, {curves.HeldOut[^1].Loss.ToString("0.000", CultureInfo.InvariantCulture)} at the end";
            heldOut.MarkerSize = 7;
        }
        var isLowest = true;
        foreach (var (context, loss) in curves.CountModels.OrderBy(c => c.Loss))
        {
            var line = plot.Add.HorizontalLine(loss);
            line.LinePattern = LinePattern.Dashed;
            line.LineColor = Colors.Gray;
            line.LegendText = "";
            var text = plot.Add.Text($"count model, {context} bytes of context", curves.FirstStep + Math.Max(1, smooth.Length), loss);
            // The lowest line has its text below it: the next one may be close.
            text.LabelAlignment = isLowest ? Alignment.UpperRight : Alignment.LowerRight;
            text.LabelFontColor = Colors.DimGray;
            isLowest = false;
        }
        foreach (var (step, what) in curves.ViewChanges)
        {
            var line = plot.Add.VerticalLine(step);
            line.LineColor = Colors.IndianRed;
            line.LinePattern = LinePattern.Dotted;
            var text = plot.Add.Text(what, step, HighestLoss);
            text.LabelAlignment = Alignment.UpperLeft;
            text.LabelFontColor = Colors.IndianRed;
        }
        plot.ShowLegend(Alignment.MiddleRight);
        plot.Axes.SetLimits(curves.FirstStep, curves.FirstStep + Math.Max(1, smooth.Length), Lowest(curves), HighestLoss);
        return plot;
    }

    private static double Lowest(LossCurves curves)
    {
        var all = curves.Training.Concat(curves.HeldOut.Select(p => p.Loss)).Concat(curves.CountModels.Select(c => c.Loss));
        return Math.Floor(all.Where(double.IsFinite).DefaultIfEmpty(0).Min() * 5) / 5 - Margin;
    }

    private static double[] Smooth(IReadOnlyList<double> losses)
    {
        var smooth = new double[losses.Count];
        double sum = 0;
        for (var i = 0; i < losses.Count; i++)
        {
            sum += losses[i] - (i >= SmoothedSteps ? losses[i - SmoothedSteps] : 0);
            smooth[i] = sum / Math.Min(i + 1, SmoothedSteps);
        }
        return smooth;
    }
}
