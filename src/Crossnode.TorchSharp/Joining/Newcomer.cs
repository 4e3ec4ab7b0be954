using Crossnode.Collectives;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.TorchSharp.State;
using Crossnode.Training;
using Crossnode.Training.Buffers;
using Crossnode.Training.Joining;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.Joining;

/// <summary>A member that is behind: it fetches the state that the others had at one step, and puts aside what moved it since.</summary>
/// <remarks>Used on the thread of the training loop; only the fetch itself runs beside it.</remarks>
internal sealed class Newcomer : IDisposable
{
    // What a step may spend on catching up beyond two updates, so that the others do not wait for long.
    private static readonly TimeSpan CatchUpTime = TimeSpan.FromMilliseconds(10);
    private const int UpdatesAtLeast = 2;

    // Whose memory is made ready before it enters.
    private const int UpdatesAhead = 2;
    private const int MostRefusals = 3;

    private readonly IStateExchange _exchange;
    private readonly Membership _membership;
    private readonly SharedState _state;
    private readonly ITrainingStrategy _strategy;
    private readonly FlatModel _model;
    private readonly DistributionOptions _options;
    private readonly TimeProvider _time;
    private readonly UpdateQueue _queue;
    private CancellationTokenSource _stop = new();
    private Task<FetchedState>? _fetch;
    private long _fetching;
    private bool _loaded;
    private bool _lost;
    private int _refusals;

    public Newcomer(
        IStateExchange exchange,
        Membership membership,
        SharedState state,
        ITrainingStrategy strategy,
        FlatModel model,
        DistributionOptions options)
    {
        _exchange = exchange;
        _membership = membership;
        _state = state;
        _strategy = strategy;
        _model = model;
        _options = options;
        _time = options.Time;
        _queue = new UpdateQueue(options.JoinBudgetBytes);
    }

    /// <summary>Whether a version is being fetched, or was.</summary>
    public bool IsFetching => _fetching != 0;

    /// <summary>Whether the state of the fetched version is in the module.</summary>
    public bool IsLoaded => _loaded;

    /// <summary>How often it had to begin again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Makes the memory ready that it needs at once; before the others wait.</summary>
    public void Prepare() => _queue.Prepare(Sources(), UpdatesAhead);

    /// <summary>Starts to fetch a version, unless it is under way.</summary>
    public void Fetch(long version)
    {
        if (_fetch is not null && _fetching == version)
        {
            return;
        }

        StopFetching();
        _fetching = version;
        _loaded = false;
        var stop = _stop.Token;
        _fetch = Task.Factory.StartNew(() => FetchState(version, stop), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Puts aside what a committed exchange moves the state by.</summary>
    public void PutAside(StepOutcome outcome, double[] learningRates)
    {
        if (!_lost && !_queue.TryAdd(outcome, learningRates, Sources()))
        {
            Lose();
        }
    }

    /// <summary>Applies what waits, if the state is here.</summary>
    /// <returns>What this member has to say after the step.</returns>
    public CatchUpClaim CatchUp(ILocalOptimizer optimizer, Action<double[]> setLearningRates, double[] present)
    {
        if (_lost)
        {
            // The others keep the state as it is before the next exchange.
            _lost = false;
            Restarts++;
            _fetching = 0;
            return CatchUpClaim.Restart;
        }

        if (_fetch is null || !_fetch.IsCompleted)
        {
            return CatchUpClaim.Behind;
        }

        if (!_fetch.IsCompletedSuccessfully)
        {
            Lose();
            return CatchUp(optimizer, setLearningRates, present);
        }

        if (!_loaded)
        {
            Load(_fetch.Result);
        }

        var started = _time.GetTimestamp();
        for (var applied = 0; _queue.Count > 0; applied++)
        {
            if (applied >= UpdatesAtLeast && _time.GetElapsedTime(started) > CatchUpTime)
            {
                break;
            }

            ApplyOne(optimizer, setLearningRates);
        }

        setLearningRates(present);
        return _queue.Count == 0 ? CatchUpClaim.CaughtUp : CatchUpClaim.Behind;
    }

    /// <summary>The others found this member's state to differ from theirs: it begins again.</summary>
    /// <exception cref="InputException">That happened too often.</exception>
    public void Refused()
    {
        if (++_refusals == MostRefusals)
        {
            throw new InputException(
                $"{_exchange.Self} fetched the run's state {MostRefusals} times, and after the steps since then it never was the others': "
                + "give it the run's configuration (learning rates, clipping, the strategy's options), and the same build of libtorch");
        }

        StopFetching();
        _queue.Clear();
        _fetching = 0;
        Restarts++;
    }

    /// <summary>Starts from the version that the others keep before the exchange that has just committed.</summary>
    public void BeginWith(long version)
    {
        if (_fetching == 0)
        {
            _queue.Clear();
            Fetch(version);
        }
    }

    public void Dispose()
    {
        StopFetching();
        _stop.Dispose();
        _queue.Dispose();
    }

    private FetchedState FetchState(long version, CancellationToken stop)
    {
        using var fetcher = _exchange.CreateStateFetcher();
        var request = new FetchRequest
        {
            Version = version,
            Holders = _exchange.Peers,
            Deadline = _options.JoinTimeout,
            View = _exchange.View.Id,
            Progress = _options.JoinProgress,
        };
        var manifest = fetcher.FetchManifest(request, stop);

        // It says which phase the strategy is in, and so what belongs to the state.
        _strategy.State.Load(VersionBlob.Parse(manifest.Blob.Span).Strategy);
        _state.Shape(manifest.Tensors.Select(tensor => tensor.Name).ToHashSet());
        return fetcher.Run(request with { Targets = _state.Tensors() }, stop);
    }

    private void Load(FetchedState fetched)
    {
        var blob = VersionBlob.Parse(fetched.Blob.Span);
        _state.Upload(blob.Numbers);
        _strategy.State.Load(blob.Strategy);
        _strategy.State.CopyParametersTo(_model);
        _loaded = true;
    }

    private void ApplyOne(ILocalOptimizer optimizer, Action<double[]> setLearningRates)
    {
        _queue.TryTake(out var update);
        setLearningRates(update!.LearningRates);
        var sources = Sources();
        for (var i = 0; i < sources.Count; i++)
        {
            sources[i].CopyFrom(update.Buffers[i]);
        }

        var context = new StepContext
        {
            Model = _model,
            Step = update.Outcome.Step,
            Samples = 0,
            TakesWeight = false,
            Communicator = _exchange,
            Optimizer = optimizer,
        };
        _strategy.Apply(context, update.Outcome);
        _queue.Recycle(update);
    }

    private IReadOnlyList<FlatBuffer> Sources() =>
        _model.Extras is { } extras ? [.. _model.Averages, extras.Target] : _model.Averages;

    private void Lose()
    {
        StopFetching();
        _queue.Clear();
        _lost = true;
    }

    private void StopFetching()
    {
        if (_fetch is null)
        {
            return;
        }

        // It writes into the module: nothing else may, until it has ended.
        _stop.Cancel();
        try
        {
            _fetch.Wait();
        }
        catch (AggregateException)
        {
            // Given up, or failed: either way it is over.
        }

        _stop.Dispose();
        _stop = new CancellationTokenSource();
        _fetch = null;
    }
}
