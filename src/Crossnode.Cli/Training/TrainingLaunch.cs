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
    private readonly RunCharter? _joined;
    private readonly Resumption? _resumed;
    private readonly NetworkPlace _network;
    private readonly RemoteRun? _remote;
    private readonly RunFolder _folder;
    private readonly string _plan;
    private readonly MetricsLog _metrics;
    private readonly IRunView _view;
    private readonly Narrator _narrator;
    private readonly TrainingBoard _board;
    private readonly HashSet<string> _workerLines = [];
    private readonly Lock _gate = new();
    private CountLosses? _countLosses;
    private Corpus? _corpus;
    private Task? _reading;
    private readonly bool _takesData;
    private bool _isGivenUp;
    private TimeSpan _progressAt;
    private TimeSpan _workersAt;
    private TimeSpan _fetchAt;

    private TrainingLaunch(
        CommandContext context, TrainConfiguration configuration, JoinedRun? joined, Resumption? resumed, RunFolder folder, bool json, bool plain)
    {
        _resumed = resumed;
        _context = context;
        _configuration = configuration;
        _joined = joined?.Charter;
        _takesData = joined is { TakesData: true };
        _folder = folder;
        (_network, _remote) = configuration.Network();
        _plan = new WorkerPlan(configuration, folder.Checkpoint, new WorkerPlace
        {
            TellsLauncher = _remote is not null,
            Expected = _remote is not null && joined is null ? configuration.Workers : 0,
            Charter = folder.Charter,
            FetchedCorpus = _takesData ? folder.Corpus : "",
            // Others go on without the workers of this machine, where the coordinator is not here.
            LeavesAlone = _remote is not null,
            State = folder.State,
            Resume = resumed?.Files ?? [],
            FirstStep = resumed?.Step ?? _joined?.FirstStep ?? 0,
        }).ToLine();
        _board = new TrainingBoard(configuration.Workers, haveNumbers: _remote is null);
        _metrics = new MetricsLog(folder.Metrics, json ? context.Streams.Out : null);
        _view = !json && !plain && LiveView.IsPossible
            ? new LiveView(AnsiConsole.Console, Draw, context.Clock.Time)
            : new PlainView(json ? context.Streams.Error : context.Streams.Out);
        _narrator = new Narrator(_view.WriteLine, Status, context.Clock);
    }

    /// <summary>Trains, and returns the program's exit code.</summary>
    /// <param name="context">Where it writes.</param>
    /// <param name="configuration">What it does.</param>
    /// <param name="joined">A run of others that is to be joined; null for a run of one's own.</param>
    /// <param name="resumed">The files from which to go on; null for a run from the start.</param>
    /// <param name="json">Whether standard output gets lines of JSON.</param>
    /// <param name="plain">Whether no table is drawn.</param>
    /// <param name="verbose">Whether workers log more.</param>
    /// <param name="logger">Where the coordinator's log goes.</param>
    /// <exception cref="CrossnodeException">The run cannot start, or its data is missing or another's.</exception>
    public static async Task<int> RunAsync(
        CommandContext context, TrainConfiguration configuration, JoinedRun? joined, Resumption? resumed, bool json, bool plain, bool verbose, ILogger logger)
    {
        TorchLibrary.Require();
        var folder = RunFolder.Create(configuration.Out, context.Clock.Time);
        await using var run = new TrainingLaunch(context, configuration with { Out = folder.Path }, joined, resumed, folder, json, plain);
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
        if (_remote is not null)
        {
            Introduce(_remote.Run);
            // What the run learns must be here, and the same as the others', before anybody joins.
            await Task.Run(_takesData ? PrepareToFetch : () => Prepare());
        }
        using var launch = Launch.Start(
            new LaunchOptions
            {
                Workers = c.Workers,
                Command = WorkerCommand.Self([WorkerTrainCommand.Name, .. verbose ? (string[])[CommonOptions.Verbose.Name] : []]),
                Network = _network,
                Remote = _remote,
                Restarts = c.Restarts,
                EvictAfter = TimeSpan.FromSeconds(c.EvictAfterSeconds),
                Logger = logger,
            },
            WorkerLine,
            _context.Clock.Time);
        if (_remote is null)
        {
            Introduce(launch.Run);
        }
        foreach (var worker in launch.Workers)
        {
            if (launch.HasCoordinator)
            {
                _board.Started(worker.Number, worker.Id);
            }
            Brief(worker);
        }
        _narrator.Say(LaunchTexts.Started(launch));
        if (c.Workers > 1)
        {
            _narrator.Say($"to see the others go on when one dies: kill -9 {launch.Workers[^1].Id}");
        }
        if (_joined is null)
        {
            _narrator.Say($"to join from another terminal or machine: crossnode join {LaunchTexts.Way(launch.Outside, launch.Run, _network.IsOpen || c.Insecure)}");
        }

        var watching = launch.WatchAsync(happened =>
        {
            lock (_gate)
            {
                Follow(happened, launch);
            }
        });
        var preparing = _remote is null ? Task.Run(() => PrepareFor(launch)) : Task.CompletedTask;
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

    private void Introduce(Core.RunId run)
    {
        var c = _configuration;
        var what = _joined is not null ? "joins a training run with"
            : _resumed is not null ? $"goes on with the training in {c.Resume} from step {_resumed.Step} on"
            : "trains a GPT on";
        _narrator.Say($"crossnode {ProgramVersion.Text}: {what} {c.Workers} worker process{(c.Workers > 1 ? "es" : "")} of this machine; results go to {_folder.Path}");
        _narrator.Say("configuration: " + ConfigurationFile.Write(c, TrainSettings.All));
        _narrator.Say(StrategyChoice.Describe(c));
        if (_network.IsOpen)
        {
            _narrator.Say(LaunchTexts.OpenToOthers(_network));
        }
        _metrics.Write(new StartLine(
            "start", StartLine.CurrentFormat, ProgramVersion.Text, $"{Preamble.CurrentMajor}.{Preamble.CurrentMinor}", run.ToString(),
            JsonNode.Parse(ConfigurationFile.Write(c, TrainSettings.All))));
    }

    private void Brief(WorkerProcess worker)
    {
        worker.Tell(_plan);
        lock (_gate)
        {
            if (_corpus is not null)
            {
                worker.Tell(_folder.Corpus);
            }
        }
    }

    private void PrepareFor(Launch launch)
    {
        var charter = Prepare();
        launch.SetCharter(charter.ToBytes());
        foreach (var worker in launch.Workers)
        {
            worker.Tell(_folder.Corpus);
        }
    }

    private RunCharter Prepare()
    {
        var corpus = _configuration.Data.Count > 0 ? Corpus.FromFiles(_configuration.Data) : Corpus.FromSdk();
        var report = corpus.Report!;
        var charter = new RunCharter(_configuration, DataManifest.Of(report), _resumed?.Step ?? _joined?.FirstStep ?? 0);
        if (_resumed?.DataDifference(charter) is { } changed)
        {
            throw new InputException($"The data here are not those of the run that is to go on: {changed}. Name the same files with --data.");
        }
        if (_joined?.Data.FirstDifference(charter.Data) is { } difference)
        {
            throw new InputException(
                $"The data here are not those of the run: {difference}. Name the same files with --data, or take the run's with --data-from-run.");
        }
        corpus.SaveTo(_folder.Corpus);
        File.WriteAllBytes(_folder.Charter, charter.ToBytes());
        Take(corpus, report.Training.Count, report.HeldOut.Count, report.Duplicates.Count);
        return charter;
    }

    // The workers fetch the data, before they enter.
    private void PrepareToFetch()
    {
        _folder.ClearCorpus();
        File.WriteAllBytes(_folder.Charter, (_joined! with { Configuration = _configuration }).ToBytes());
    }

    // For the figures of the report; without it the workers train all the same.
    private void ReadFetched()
    {
        try
        {
            Take(Corpus.LoadFrom(_folder.Corpus), _joined!.Data.TrainingCount, _joined.Data.HeldOutCount, duplicates: 0);
        }
        catch (Exception failure) when (failure is InputException or IOException or OutOfMemoryException)
        {
            _narrator.Say($"the report will not compare with counting, because the corpus could not be read here: {failure.Message}");
        }
    }

    private void Take(Corpus corpus, int training, int heldOut, int duplicates)
    {
        lock (_gate)
        {
            _corpus = corpus;
            _countLosses = new CountLosses(corpus);
            _metrics.Write(new CorpusLine(
                "corpus", corpus.Training.Length, corpus.HeldOut.Length, training, heldOut, duplicates));
        }
        _narrator.Say(
            $"corpus: {RunTexts.Size(corpus.Training.Length)} to learn from {training} files, {RunTexts.Size(corpus.HeldOut.Length)} of {heldOut} held out, {duplicates} duplicates dropped");
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
                if (!launch.HasCoordinator || !IsOfTheCoordinator(note.Kind))
                {
                    Noted(noted.Member, note, now);
                }
                return;
            case LaunchEvent.ViewAnnounced view:
                ViewAnnounced(view, now);
                return;
            case LaunchEvent.Named named:
                _board.Named(named.Member, launch.Workers[named.Worker].Id);
                _narrator.Say($"process {launch.Workers[named.Worker].Id} is worker {named.Member} of the run");
                return;
            case LaunchEvent.Restarted again:
                if (launch.HasCoordinator)
                {
                    _board.Started(again.Worker, again.ProcessId);
                }
                Brief(launch.Workers[again.Worker]);
                happened = again with { Worker = launch.MemberOf(again.Worker) };
                break;
            case LaunchEvent.Exited { Exit: var exit }:
                exit = exit with { Worker = launch.MemberOf(exit.Worker) };
                _board.Gone(exit.Worker);
                if (exit.Fate != WorkerFate.Finished)
                {
                    _metrics.Write(new WorkerLostLine(
                        "workerLost", exit.Worker, exit.ProcessId, exit.ExitCode, exit.Describe(), now.TotalSeconds));
                }
                happened = new LaunchEvent.Exited(exit);
                break;
            case LaunchEvent.StopRequested:
                _board.Stopping();
                _narrator.Say(_remote is null
                    ? "asked to stop: all workers stop after the same step, and save what is needed to go on; once more kills them"
                    : "asked to stop: the workers end their step and leave, the others go on; once more kills them");
                return;
        }
        if (LaunchTexts.Describe(happened, _configuration.Workers) is { } text)
        {
            _narrator.Say(text);
        }
    }

    // What a coordinator in this process has said already.
    private static bool IsOfTheCoordinator(NoteKind kind) => kind is NoteKind.View or NoteKind.Notice;

    private void ViewAnnounced(LaunchEvent.ViewAnnounced view, TimeSpan now)
    {
        var isOver = _board.IsOver;
        _board.ViewAnnounced(view.Epoch, view.Members, now);
        if (!isOver)
        {
            _metrics.Write(new ViewLine("view", view.Epoch, view.Members, view.Text, now.TotalSeconds));
            if (LaunchTexts.Describe(view, _remote is null ? _configuration.Workers : 0) is { } text)
            {
                _narrator.Say(text);
            }
        }
    }

    private void Noted(int worker, WorkerNote note, TimeSpan now)
    {
        if (note.Kind == NoteKind.View)
        {
            if (note.View > _board.View)
            {
                ViewAnnounced(new LaunchEvent.ViewAnnounced(note.View, [.. (note.Members ?? []).Select(m => (int)m)], ""), now);
            }
            return;
        }
        var isFirst = _board.Noted(worker, note, now);
        if (RunTexts.Newcomer(worker, note) is { } text)
        {
            var isProgress = note.Kind is NoteKind.Fetching or NoteKind.FetchingData;
            if (!isProgress || note.BytesFetched == note.BytesToFetch || now - _fetchAt >= ProgressInterval)
            {
                _fetchAt = isProgress ? now : _fetchAt;
                _narrator.Say(text);
            }
            if (note.Kind == NoteKind.DataHere && _takesData)
            {
                _reading ??= Task.Run(ReadFetched);
            }
            if (note.Kind == NoteKind.Level)
            {
                _metrics.Write(new LevelLine("level", worker, note.Step, note.StateHash!, now.TotalSeconds));
            }
            return;
        }
        if (!isFirst)
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
            ? $"stopped after {_board.Steps} of {_configuration.Steps} steps{(Directory.Exists(_folder.State) ? $"; crossnode train --resume {_folder.Path} goes on" : "")}"
            : $"all workers have ended after {_board.Steps} of {_configuration.Steps} steps; writing what came of it");
        await (_reading ?? Task.CompletedTask);
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
