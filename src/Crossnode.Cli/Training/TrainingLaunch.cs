using System.Text.Json.Nodes;
using Crossnode.Cli.Commands;
using Crossnode.Cli.Configuration;
using Crossnode.Cli.Launching;
using Crossnode.Cli.Output;
using Crossnode.Core.Errors;
using Crossnode.Models.Text;
using Crossnode.Protocol.Wire;
using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace Crossnode.Cli.Training;

/// <summary>crossnode train, as the launcher sees it: starts workers, prepares the corpus for them, shows and keeps what they tell.</summary>
internal sealed class TrainingLaunch : IAsyncDisposable
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WorkersInterval = TimeSpan.FromSeconds(20);

    private readonly CommandContext _context;
    private readonly TrainConfiguration _configuration;
    private readonly RunFolder _folder;
    private readonly MetricsLog _metrics;
    private readonly IRunView _view;
    private readonly Narrator _narrator;
    private readonly TrainingBoard _board;
    private readonly HashSet<string> _workerLines = [];
    private readonly Lock _gate = new();
    private CountLosses? _countLosses;
    private Corpus? _corpus;
    private bool _isGivenUp;
    private TimeSpan _progressAt;
    private TimeSpan _workersAt;

    private TrainingLaunch(CommandContext context, TrainConfiguration configuration, RunFolder folder, bool json, bool plain)
    {
        _context = context;
        _configuration = configuration;
        _folder = folder;
        _board = new TrainingBoard(configuration.Workers);
        _metrics = new MetricsLog(folder.Metrics, json ? context.Streams.Out : null);
        _view = !json && !plain && LiveView.IsPossible
            ? new LiveView(AnsiConsole.Console, Draw, context.Clock.Time)
            : new PlainView(json ? context.Streams.Error : context.Streams.Out);
        _narrator = new Narrator(_view.WriteLine, Status, context.Clock);
    }

    /// <summary>Trains, and returns the program's exit code.</summary>
    /// <exception cref="CrossnodeException">The run cannot start, or its data is missing.</exception>
    public static async Task<int> RunAsync(
        CommandContext context, TrainConfiguration configuration, bool json, bool plain, bool verbose, ILogger logger)
    {
        TorchLibrary.Require();
        var folder = RunFolder.Create(configuration.Out, context.Clock.Time);
        await using var run = new TrainingLaunch(context, configuration with { Out = folder.Path }, folder, json, plain);
        return await run.RunAsync(verbose, logger);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _narrator.Dispose();
        await _view.DisposeAsync();
        _metrics.Dispose();
        if (_board.Steps > 0)
        {
            _folder.RemoveCorpus();
        }
        else
        {
            _folder.Discard();
        }
    }

    private async Task<int> RunAsync(bool verbose, ILogger logger)
    {
        var c = _configuration;
        using var launch = Launch.Start(
            new LaunchOptions
            {
                Workers = c.Workers,
                Command = WorkerCommand.Self([WorkerTrainCommand.Name, .. verbose ? (string[])[CommonOptions.Verbose.Name] : []]),
                Listen = c.ListenEndpoint(),
                Insecure = c.Insecure,
                EvictAfter = TimeSpan.FromSeconds(c.EvictAfterSeconds),
                Logger = logger,
            },
            WorkerLine,
            _context.Clock.Time);
        _narrator.Say(
            $"crossnode {ProgramVersion.Text}: trains a GPT on {c.Workers} worker processes of this machine; results go to {_folder.Path}");
        _narrator.Say("configuration: " + ConfigurationFile.Write(c, TrainSettings.All));
        _narrator.Say(StrategyChoice.Describe(c));
        if (!Core.Endpoints.IsLoopback(c.ListenEndpoint()))
        {
            _narrator.Say(LaunchTexts.OpenToOthers(c.Listen));
        }
        _metrics.Write(new StartLine(
            "start", StartLine.CurrentFormat, ProgramVersion.Text, $"{Preamble.CurrentMajor}.{Preamble.CurrentMinor}", launch.Run.ToString(),
            JsonNode.Parse(ConfigurationFile.Write(c, TrainSettings.All))));
        var plan = new WorkerPlan(c, _folder.Checkpoint).ToLine();
        foreach (var worker in launch.Workers)
        {
            _board.Started(worker.Number, worker.Id);
            worker.Tell(plan);
        }
        _narrator.Say(LaunchTexts.Started(launch));
        if (c.Workers > 1)
        {
            _narrator.Say($"to see the others go on when one dies: kill -9 {launch.Workers[^1].Id}");
        }

        var watching = launch.WatchAsync(happened =>
        {
            lock (_gate)
            {
                Follow(happened, launch);
            }
        });
        var preparing = Task.Run(() => Prepare(launch));
        if (await Task.WhenAny(preparing, watching) == preparing && preparing.IsFaulted)
        {
            // Without a corpus nothing can be learned. That the workers end with it is no news.
            lock (_gate)
            {
                _isGivenUp = true;
            }
            _narrator.Dispose();
            await preparing;
        }
        var outcome = await watching;
        return await ReportAsync(outcome);
    }

    private void Prepare(Launch launch)
    {
        var corpus = _configuration.Data.Count > 0 ? Corpus.FromFiles(_configuration.Data) : Corpus.FromSdk();
        corpus.SaveTo(_folder.Corpus);
        var report = corpus.Report!;
        lock (_gate)
        {
            _corpus = corpus;
            _countLosses = new CountLosses(corpus);
            _metrics.Write(new CorpusLine(
                "corpus", corpus.Training.Length, corpus.HeldOut.Length, report.Training.Count, report.HeldOut.Count, report.Duplicates.Count));
        }
        foreach (var worker in launch.Workers)
        {
            worker.Tell(_folder.Corpus);
        }
        _narrator.Say(
            $"corpus: {RunTexts.Size(corpus.Training.Length)} to learn from {report.Training.Count} files, {RunTexts.Size(corpus.HeldOut.Length)} of {report.HeldOut.Count} held out, {report.Duplicates.Count} duplicates dropped");
    }

    private void Follow(LaunchEvent happened, Launch launch)
    {
        if (_isGivenUp)
        {
            return;
        }
        var now = _context.Clock.Elapsed;
        switch (happened)
        {
            case LaunchEvent.Noted { Topic: WorkerNote.Topic } noted when WorkerNote.Parse(noted.Json) is { } note:
                Noted(noted.Worker, note, now);
                return;
            case LaunchEvent.ViewAnnounced view:
                var isOver = _board.IsOver;
                _board.ViewAnnounced(view.Epoch, view.Members, now);
                if (isOver)
                {
                    return;
                }
                _metrics.Write(new ViewLine("view", view.Epoch, view.Members, view.Text, now.TotalSeconds));
                break;
            case LaunchEvent.Exited exited:
                _board.Gone(exited.Exit.Worker);
                if (exited.Exit.Fate != WorkerFate.Finished)
                {
                    _metrics.Write(new WorkerLostLine(
                        "workerLost", exited.Exit.Worker, launch.Workers[exited.Exit.Worker].Id, exited.Exit.ExitCode, exited.Exit.Describe(), now.TotalSeconds));
                }
                break;
            case LaunchEvent.StopRequested:
                _board.Stopping();
                _narrator.Say("asked to stop: the workers end their step and leave; once more kills them");
                return;
        }
        if (LaunchTexts.Describe(happened, _configuration.Workers) is { } text)
        {
            _narrator.Say(text);
        }
    }

    private void Noted(int worker, WorkerNote note, TimeSpan now)
    {
        if (!_board.Noted(worker, note, now))
        {
            return;
        }
        if (note.Kind == NoteKind.Evaluated)
        {
            _metrics.Write(new EvaluationLine("evaluation", note.Step, note.Loss!.Value, now.TotalSeconds));
            _narrator.Say(FormattableString.Invariant($"held-out loss after {note.Step} steps: {note.Loss:0.0000} nats per byte"));
            return;
        }
        _metrics.Write(new StepLine(
            "step", note.Step, note.Loss!.Value, note.LearningRate, note.GradientNorm, _board.BytesPerSecond,
            note.View, note.Members ?? [], note.Attempts, now.TotalSeconds));
        if (_view is not PlainView)
        {
            return;
        }
        if (note.Attempts > 1)
        {
            _narrator.Say($"step {note.Step} was tried in {note.Attempts} views, and is done by {RunTexts.Names([.. (note.Members ?? []).Select(m => (int)m)])}");
        }
        if (now - _progressAt >= ProgressInterval)
        {
            _progressAt = now;
            _narrator.Say(RunTexts.Progress(_board, _configuration.Steps));
        }
        if (now - _workersAt >= WorkersInterval)
        {
            _workersAt = now;
            _narrator.Say(string.Join(Environment.NewLine, _board.Rows.Select(row => RunTexts.Worker(_board, row, now)).Prepend("workers:")));
        }
    }

    private async Task<int> ReportAsync(LaunchOutcome outcome)
    {
        _narrator.Say(outcome.WasInterrupted
            ? $"stopped after {_board.Steps} of {_configuration.Steps} steps"
            : $"all workers have ended after {_board.Steps} of {_configuration.Steps} steps; writing what came of it");
        var counts = _countLosses is null ? null : await _countLosses.Result;
        var report = new TrainingReport(_board, _corpus, counts, _folder, _configuration);
        report.Write(_metrics, _narrator.Say);
        if (outcome.Failure is { } failure && !outcome.WasInterrupted)
        {
            _narrator.Say($"the run failed: {failure}.");
        }
        _narrator.Dispose();
        _metrics.Write(report.Summary(_context.Clock.Elapsed.TotalSeconds));
        return outcome.ExitCode;
    }

    /// <summary>Shows what a worker printed; what several print alike is shown once.</summary>
    private void WorkerLine(int worker, ReadOnlySpan<byte> line, bool isError)
    {
        var text = RunTexts.Printable(line);
        lock (_workerLines)
        {
            if (!_workerLines.Add(text))
            {
                return;
            }
        }
        _narrator.Say($"[{worker}] {text}");
    }

    private string Status()
    {
        lock (_gate)
        {
            return RunTexts.Waiting(_board, _configuration.Steps, _context.Clock.Elapsed) is { } waiting ? waiting
                : _board.Steps == 0 ? RunTexts.Preparing(_board, _corpus is not null)
                : _board.Rows.Any(row => row.State == WorkerState.Evaluating) ? $"after {_board.Steps} steps: measuring on held-out text"
                : _board.IsSaved || _board.Steps < _configuration.Steps ? RunTexts.Progress(_board, _configuration.Steps)
                : "saving the model, and letting it write";
        }
    }

    private Spectre.Console.Rendering.IRenderable Draw()
    {
        lock (_gate)
        {
            return TrainingTable.Draw(_board, _configuration.Steps, _context.Clock.Elapsed);
        }
    }
}
