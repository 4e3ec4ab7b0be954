using System.Globalization;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Figures;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Training;

/// <summary>What came of a training run: figure, sample and last words.</summary>
internal sealed class TrainingReport(
    TrainingBoard board, Corpus? corpus, double[]? countLosses, RunFolder folder, TrainConfiguration configuration)
{
    private double? HeldOutLoss =>
        board.HeldOut.Count > 0 && board.HeldOut[^1].Steps == configuration.Steps ? board.HeldOut[^1].Loss : null;

    /// <summary>Writes files, lines of JSON and sentences; what the run did not get to is left out.</summary>
    public void Write(MetricsLog metrics, Action<string> say)
    {
        if (countLosses is { } losses)
        {
            metrics.Write(new CountModelLine("countModels", losses[1], losses[2], losses[3], losses[4]));
            // With nothing measured there is nothing to compare with.
            if (board.HeldOut.Count > 0)
            {
                say(string.Create(CultureInfo.InvariantCulture,
                    $"count models reach, with 1 to 4 bytes of context: {losses[1]:0.000}, {losses[2]:0.000}, {losses[3]:0.000}, {losses[4]:0.000} nats per byte"));
            }
        }
        if (board.Sample is { } sample && corpus is not null)
        {
            var share = corpus.KnownWordShare(sample);
            File.WriteAllBytes(folder.Sample, sample);
            metrics.Write(new SampleLine("sample", RunTexts.Printable(sample), share));
            say(string.Create(CultureInfo.InvariantCulture, $"the trained model writes ({share:0%} of its words of four letters or more occur in the corpus):"));
            say(Environment.NewLine + RunTexts.Printable(sample).Trim() + Environment.NewLine);
        }
        if (board.Losses.Count > 0)
        {
            LossFigure.Save(Curves(), folder.Figure);
        }
        if (HeldOutLoss is { } loss)
        {
            say(string.Create(CultureInfo.InvariantCulture, $"held-out loss {loss:0.0000} nats per byte after {board.Steps} steps{Comparison(loss)}"));
        }
        if (board.Steps == 0)
        {
            return;
        }
        string[] written = [folder.Figure + ".svg", folder.Figure + ".png", folder.Metrics, folder.Checkpoint, folder.Sample];
        say($"written: {string.Join(", ", written.Where(File.Exists))}");
    }

    /// <summary>The last line of JSON.</summary>
    public SummaryLine Summary(double wallSeconds) => new(
        "summary",
        HeldOutLoss,
        countLosses?[3],
        countLosses?[4],
        board.Steps,
        wallSeconds,
        board.Views,
        [
            .. board.LastMembers.Select(member => board.Row(member)).OfType<WorkerRow>()
                .Select(row => new SummaryMember(row.Number, row.PayloadBytesSent, row.WireBytesSent, row.StateHash)),
        ]);

    private string Comparison(double loss) => countLosses switch
    {
        null => "",
        var c when loss < c[4] => ", below the count model with four bytes of context",
        var c when loss < c[3] => ", below the count model with three bytes of context",
        _ => ", not yet below the count model with three bytes of context",
    };

    private LossCurves Curves() => new()
    {
        FirstStep = board.FirstStep,
        Training = board.Losses,
        HeldOut = board.HeldOut,
        CountModels = countLosses is { } losses ? [(3, losses[3]), (4, losses[4])] : [],
        ViewChanges = board.ViewChanges,
    };
}
