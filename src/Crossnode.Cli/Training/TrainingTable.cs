using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Crossnode.Cli.Training;

/// <summary>The board as a table with a row for each worker.</summary>
internal static class TrainingTable
{
    public static IRenderable Draw(TrainingBoard board, int steps, TimeSpan now)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var heading in (string[])["worker", "process", "step", "loss", "kB of text/s", "sent", "payload", "received", "view", "does"])
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }
        table.Columns[^1].LeftAligned();
        foreach (var row in board.Rows)
        {
            string[] cells =
            [
                Text(row.Number),
                Text(row.ProcessId),
                Text(row.Step),
                row.OwnLoss?.ToString("0.000", CultureInfo.InvariantCulture) ?? "",
                (row.BytesPerSecond / 1000).ToString("0.0", CultureInfo.InvariantCulture),
                RunTexts.Size(row.WireBytesSent),
                RunTexts.Size(row.PayloadBytesSent),
                RunTexts.Size(row.BytesReceived),
                Text(row.View),
                RunTexts.State(board, row, now),
            ];
            var style = row.State is Training.WorkerState.Gone or Training.WorkerState.Evicted ? new Style(Color.Grey) : Style.Plain;
            table.AddRow(cells.Select(cell => (IRenderable)new Text(cell, style)));
        }
        return new Rows(new Text(RunTexts.Waiting(board, steps, now) ?? RunTexts.Progress(board, steps)), table);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
