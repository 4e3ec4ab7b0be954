using System.Globalization;
using System.Text;

namespace Crossnode.Cli.Training;

/// <summary>A training run in words, for people.</summary>
internal static class RunTexts
{
    // A step of the default run takes a fraction of this.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    /// <summary>Where the whole run stands: one line.</summary>
    public static string Progress(TrainingBoard board, int steps)
    {
        var text = new StringBuilder(Invariant($"step {board.Steps}/{steps}"));
        if (board.Losses.Count > 0)
        {
            text.Append(Invariant($"  loss {board.Losses[^1]:0.000}"));
        }
        if (board.HeldOut.Count > 0)
        {
            text.Append(Invariant($"  held out {board.HeldOut[^1].Loss:0.000}"));
        }
        var wire = board.Rows.Sum(row => row.WireBytesSent);
        text.Append(Invariant($"  {board.BytesPerSecond / 1000:0.0} kB of text/s  all sent {Size(wire)}  view {board.View} ({Names(board.Members)})"));
        return text.ToString();
    }

    /// <summary>Who keeps the others waiting, and since when nothing was heard; null while steps go on.</summary>
    public static string? Waiting(TrainingBoard board, int steps, TimeSpan now)
    {
        var silent = board.Awaited();
        var silence = silent.Count == 0 ? TimeSpan.Zero : silent.Min(worker => now - (board.Row(worker)?.HeardAt ?? now));
        var workers = silence < Silence ? null : Invariant($"waiting for {Names(silent)} (nothing heard for {silence.TotalSeconds:0} s)");
        var texts = new[] { workers, board.WaitForCoordinator() }.OfType<string>().ToList();
        return texts.Count == 0 ? null : Invariant($"step {board.Steps}/{steps}: {string.Join("; ", texts)}");
    }

    /// <summary>Where one worker stands: one line.</summary>
    public static string Worker(TrainingBoard board, WorkerRow row, TimeSpan now)
    {
        var loss = row.OwnLoss is { } own ? Invariant($"  loss {own:0.000}") : "";
        return Invariant(
            $"worker {row.Number}  step {row.Step}{loss}  {row.BytesPerSecond / 1000:0.0} kB of text/s  sent {Size(row.WireBytesSent)} ({Size(row.PayloadBytesSent)} payload)  received {Size(row.BytesReceived)}  view {row.View}  {State(board, row, now)}");
    }

    /// <summary>What a worker does, and for whom it waits.</summary>
    public static string State(TrainingBoard board, WorkerRow row, TimeSpan now) => row.State switch
    {
        WorkerState.Computing or WorkerState.Evaluating when now - row.HeardAt is var silence && silence >= Silence =>
            Invariant($"silent for {silence.TotalSeconds:0} s"),
        WorkerState.Averaging when board.WaitsFor(row.Number) is { Count: > 0 } others => $"waits for {string.Join(", ", others)}",
        WorkerState.Averaging => "averaging",
        WorkerState.Computing => "computing",
        WorkerState.Evaluating => "measuring",
        WorkerState.Ready => "ready",
        WorkerState.FetchingData => $"fetches the data, {Size(row.BytesFetched)} of {Size(row.BytesToFetch)}",
        WorkerState.Fetching => $"fetches the state, {Size(row.BytesFetched)} of {Size(row.BytesToFetch)}",
        WorkerState.Leaving => "done",
        WorkerState.Evicted => "evicted",
        WorkerState.Gone => "gone",
        _ => "starting",
    };

    /// <summary>What happens before the first step.</summary>
    public static string Preparing(TrainingBoard board, bool hasCorpus)
    {
        if (board.Nameless > 0)
        {
            return Invariant($"waiting for {board.Nameless} worker{(board.Nameless > 1 ? "s" : "")} to start and to reach the coordinator");
        }
        if (board.Rows.Where(row => row.State is WorkerState.FetchingData or WorkerState.Fetching).ToList() is { Count: > 0 } fetching)
        {
            return string.Join("; ", fetching.Select(row => $"worker {row.Number} {State(board, row, row.HeardAt)}"));
        }
        var missing = board.Rows.Where(row => row.State == WorkerState.Starting).Select(row => row.Number).ToList();
        return (hasCorpus, missing.Count) switch
        {
            (false, 0) => "reading the corpus; the workers are ready",
            (false, _) => $"reading the corpus, and waiting for {Names(missing)} to start",
            (true, 0) => "the workers read the corpus",
            _ => $"waiting for {Names(missing)} to start",
        };
    }

    /// <summary>What a newcomer says on its way, or null for other notes.</summary>
    public static string? Newcomer(int worker, WorkerNote note) => note.Kind switch
    {
        NoteKind.Joining => $"worker {worker} has reached the coordinator, and listens at {note.Text}",
        NoteKind.FetchingData or NoteKind.Fetching =>
            $"worker {worker} fetches the run's {(note.Kind == NoteKind.Fetching ? "state" : "data")}: {Size(note.BytesFetched)} of {Size(note.BytesToFetch)}, from {Names([.. (note.From ?? []).Select(m => (int)m)])}",
        NoteKind.DataHere => $"worker {worker} has the run's data, and they are what its coordinator describes",
        NoteKind.Level =>
            $"worker {worker} holds the run's state after step {note.Step} (its hash begins with {note.StateHash?[..8]}), and counts from the next one on",
        NoteKind.Notice => note.Text,
        _ => null,
    };

    /// <summary>A number of bytes with its unit.</summary>
    public static string Size(long bytes) => bytes switch
    {
        < 10_000 => Invariant($"{bytes} B"),
        < 10_000_000 => Invariant($"{bytes / 1e3:0} kB"),
        < 10_000_000_000 => Invariant($"{bytes / 1e6:0} MB"),
        _ => Invariant($"{bytes / 1e9:0.0} GB"),
    };

    /// <summary>Text that a model wrote, without what a terminal would obey.</summary>
    public static string Printable(ReadOnlySpan<byte> text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (var rune in Encoding.UTF8.GetString(text).EnumerateRunes())
        {
            printable.Append(rune.Value is '\n' or '\t' || !Rune.IsControl(rune) ? rune.ToString() : "\uFFFD");
        }
        return printable.ToString();
    }

    /// <summary>Workers by their numbers.</summary>
    public static string Names(IReadOnlyList<int> workers) => workers.Count switch
    {
        0 => "no worker",
        1 => $"worker {workers[0]}",
        _ => $"workers {string.Join(", ", workers)}",
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
