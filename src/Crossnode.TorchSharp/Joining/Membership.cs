using System.Numerics;
using Crossnode.Collectives;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.TorchSharp.State;
using Crossnode.Training;
using Crossnode.Training.Joining;

namespace Crossnode.TorchSharp.Joining;

/// <summary>Who holds the run's state, and what those who do owe to those who do not.</summary>
/// <remarks>
/// Who is level follows from committed outcomes, so it is the same on all members. Which version a member keeps for a newcomer follows from
/// whether it was asked for one before: members may differ in that, and a newcomer that finds its version nowhere begins again. Over a
/// communicator that admits nobody later, everybody holds the state.
/// </remarks>
internal sealed class Membership : IDisposable
{
    private readonly ICommunicator _communicator;
    private readonly IStateExchange? _exchange;
    private readonly StateServer? _server;
    private readonly OperationOptions _operation;
    private readonly ITrainingStrategy _strategy;
    private readonly SharedState _state;
    private readonly string _model;
    private readonly SortedDictionary<string, ICarriedState> _carried = new(StringComparer.Ordinal);
    private readonly HashSet<Participant> _toKeepFor = [];
    private LevelTable _table = new([]);
    private IReadOnlyList<Participant> _participants = [];
    private IReadOnlyList<Participant> _behind = [];
    private long _version = 1;
    private long _offered;
    private ViewId _seen;

    public Membership(
        ICommunicator communicator, ITrainingStrategy strategy, SharedState state, string model, DistributionOptions options)
    {
        _communicator = communicator;
        _strategy = strategy;
        _state = state;
        _model = model;
        _operation = new OperationOptions { Tag = strategy.Tag };
        if (communicator is IStateExchange { StateServer: null } exchange)
        {
            _exchange = exchange;
            _server = exchange.CreateStateServer(new StateServerOptions
            {
                RateBytesPerSecond = options.StateBytesPerSecond,
                Expected = options.IsRehearsal ? null : JoinRehearsal.Begin,
            });
            exchange.StateServer = _server;
        }
    }

    /// <summary>This process.</summary>
    public Participant Self => _exchange is null
        ? new Participant(_communicator.Self, 0)
        : new Participant(_exchange.Peer.Member, _exchange.Peer.Incarnation);

    /// <summary>Whether this member's state is the run's.</summary>
    public bool IsLevel => _exchange is null || _table.IsLevel(Self);

    /// <summary>How often the shared state has moved, plus one.</summary>
    public long Version => _version;

    /// <summary>The digest by which members compare their modules.</summary>
    public string Model => _model;

    /// <summary>Whether this member claimed to have caught up, and its state differed from the others'.</summary>
    public bool WasRefused { get; private set; }

    /// <summary>How long this member was held up so far by copies of its state for newcomers.</summary>
    public TimeSpan CopyTime { get; private set; }

    /// <summary>What serves the state; null where nobody comes later.</summary>
    public StateServer? Server => _server;

    /// <summary>The participants that hold the state.</summary>
    public IReadOnlyList<Participant> Level => _table.Level;

    /// <summary>Adds a state that newcomers receive with the next description.</summary>
    public void Carry(ICarriedState state) => _carried[state.Name] = state;

    /// <summary>What the loop carries, as it is now.</summary>
    public Dictionary<string, byte[]> SaveCarried() => _carried.ToDictionary(entry => entry.Key, entry => entry.Value.Save());

    /// <summary>Takes the members that begin with the same state.</summary>
    public void Begin(IEnumerable<Participant> level, long version)
    {
        _table = new LevelTable(level);
        _version = version;
        _offered = 0;
    }

    /// <summary>Runs an operation that is no step, at this place of the loop.</summary>
    public OperationOutcome Run(OperationGroup group, long step, OperationPurpose purpose, CancellationToken cancellationToken)
    {
        Describe(purpose, step, group);
        return _communicator.Run(group, _operation, cancellationToken);
    }

    /// <summary>Says to newcomers what the next operation is, just before it is called.</summary>
    public void Describe(OperationPurpose purpose, long step, OperationGroup? group = null, double[]? learningRates = null)
    {
        if (_server is null || (!IsLevel && purpose != OperationPurpose.Start))
        {
            return;
        }

        var description = new OperationDescription
        {
            Purpose = purpose,
            Step = step,
            Version = _version,
            Model = _model,
            Parts = group is null ? [] : OperationDescription.PartsOf(group),
            Level = [.. _table.Level.Select(p => new DescribedParticipant(p.Member.Value, p.Incarnation))],
            LearningRates = learningRates ?? [],
            Carried = SaveCarried(),
        };
        _server.Describe(_exchange!.NextSequence(_operation.Tag), description.ToBytes(), isProvisional: purpose == OperationPurpose.Between);
    }

    /// <summary>Lets newcomers of the installed view fetch what stands still until the next exchange.</summary>
    /// <returns>Whether the view has some that this member did not know of.</returns>
    public bool OfferToStrangers()
    {
        if (_server is null || !IsLevel)
        {
            return false;
        }

        var view = _communicator.View;
        if (view.Id == _seen)
        {
            return false;
        }

        _seen = view.Id;
        if (_table.Behind(Zip(view.Members, view.Incarnations)).Count == 0)
        {
            return false;
        }

        Offer();
        return true;
    }

    /// <summary>The next exchange will move the state: begins to copy it beside the computation, if somebody needs it.</summary>
    public void BeginCopy(long next)
    {
        if (_server is null || !IsLevel || !_strategy.Exchanges(next))
        {
            return;
        }

        var keepFor = _toKeepFor.Where(_behind.Contains).ToList();
        if (keepFor.Count > 0)
        {
            Offer();
        }

        _server.BeginCopy(Peers(keepFor));
    }

    /// <summary>Takes a committed exchange, before it moves the state.</summary>
    /// <remarks>A copy of the state as it is now is kept for whoever lacks it and had begun to fetch it, as newcomers do while members
    /// train by themselves: so they are level after the next exchange. For other newcomers the state that the exchange leads to is
    /// kept: it can be copied while the next step is computed.</remarks>
    /// <returns>The level members among those of the exchange.</returns>
    public IReadOnlyList<MemberId> BeforeApply(StepOutcome outcome)
    {
        if (_exchange is null || outcome.Incarnations.Count == 0)
        {
            return outcome.Members;
        }

        _participants = Zip(outcome.Members, outcome.Incarnations);
        var level = _table.Committed(_participants);
        var behind = _table.Behind(_participants);
        var fresh = behind.Where(p => !_behind.Contains(p)).ToList();
        var keepFor = behind.Where(p => _toKeepFor.Contains(p) || (fresh.Contains(p) && HasAsked(p))).ToList();
        _toKeepFor.Clear();
        _toKeepFor.UnionWith(fresh.Except(keepFor));
        _behind = behind;
        if (IsLevel)
        {
            if (keepFor.Count > 0)
            {
                Offer();
            }

            _offered = 0;
            CopyTime += _server!.BeforeChange(Peers(keepFor)).Elapsed;
        }

        return level;
    }

    /// <summary>The state moves for the last time: nothing reads it any more afterwards.</summary>
    public void BeforeFinish()
    {
        if (IsLevel)
        {
            _offered = 0;
            _server?.BeforeChange(keep: false);
        }
    }

    /// <summary>The shared state has moved.</summary>
    public void Moved()
    {
        _version++;
        if (BitOperations.IsPow2(_version) && _server is not null)
        {
            // The first steps make it grow; later it changes seldom, as when a strategy goes over to local steps.
            var (bytes, count) = _state.Size();
            _server.Expect(bytes, count);
        }

        if (IsLevel && _behind.Count > 0)
        {
            Offer();
        }
    }

    /// <summary>Lets those who are behind show that they have caught up; does nothing when nobody is.</summary>
    /// <param name="step">The step that has just ended.</param>
    /// <param name="claim">What this member has to say, if it is behind.</param>
    /// <param name="level">The level members of the step.</param>
    /// <param name="cancellationToken">Gives up before the operation has committed.</param>
    /// <returns>The level members afterwards, in rank order.</returns>
    public IReadOnlyList<MemberId> CatchUp(
        long step, CatchUpClaim claim, IReadOnlyList<MemberId> level, CancellationToken cancellationToken)
    {
        if (_behind.Count == 0)
        {
            return level;
        }

        var claims = new double[_behind.Count];
        var own = IndexOf(_behind, Self);
        if (own >= 0)
        {
            claims[own] = (double)claim;
        }

        if (Sum(claims, step, cancellationToken) is not null)
        {
            for (var i = 0; i < claims.Length; i++)
            {
                if (claims[i] == (double)CatchUpClaim.Restart)
                {
                    _toKeepFor.Add(_behind[i]);
                }
            }

            var candidates = _behind.Where((_, i) => claims[i] == (double)CatchUpClaim.CaughtUp).ToList();
            if (candidates.Count > 0)
            {
                Compare(candidates, step, cancellationToken);
            }
        }

        _behind = _table.Behind(_participants);
        return _table.LevelAmong(_participants);
    }

    /// <summary>All level members show their hashes: whoever differs from most of them is behind from now on.</summary>
    /// <returns>The level members afterwards.</returns>
    public IReadOnlyList<MemberId> CheckDrift(long step, IReadOnlyList<MemberId> level, CancellationToken cancellationToken)
    {
        if (_participants.Count == 0)
        {
            return level;
        }

        Compare([], step, cancellationToken);
        _behind = _table.Behind(_participants);
        return _table.LevelAmong(_participants);
    }

    public void Dispose()
    {
        if (_exchange is not null && _exchange.StateServer == _server)
        {
            _exchange.StateServer = null;
        }

        _server?.Dispose();
    }

    internal static IReadOnlyList<Participant> Zip(IReadOnlyList<MemberId> members, IReadOnlyList<ulong> incarnations) =>
        [.. members.Select((member, i) => new Participant(member, i < incarnations.Count ? incarnations[i] : 0))];

    private void Compare(IReadOnlyList<Participant> candidates, long step, CancellationToken cancellationToken)
    {
        var own = IndexOf(_participants, Self);
        var hash = IsLevel || candidates.Contains(Self) ? _state.Hash() : default;
        var sum = HashVote.Ballot(_participants.Count, own, hash);
        if (Sum(sum, step, cancellationToken) is not { } outcome)
        {
            return;
        }

        var present = Zip(outcome.Members, outcome.Incarnations);
        var voters = new List<int>();
        for (var i = 0; i < _participants.Count; i++)
        {
            if (_table.IsLevel(_participants[i]) && present.Contains(_participants[i]))
            {
                voters.Add(i);
            }
        }

        if (voters.Count == 0)
        {
            return;
        }

        WasRefused = false;
        var majority = HashVote.Majority(sum, voters);
        foreach (var candidate in candidates.Where(present.Contains))
        {
            if (HashVote.At(sum, IndexOf(_participants, candidate)) == majority)
            {
                _table.Add(candidate);
                _server?.Release(new StatePeer(candidate.Member, candidate.Incarnation));
            }
            else
            {
                _toKeepFor.Add(candidate);
                WasRefused |= candidate == Self;
            }
        }

        foreach (var voter in voters.Where(voter => HashVote.At(sum, voter) != majority))
        {
            _table.Remove(_participants[voter]);
            _toKeepFor.Add(_participants[voter]);
        }
    }

    // The same result on all members: null when it committed nowhere.
    private OperationOutcome? Sum(double[] values, long step, CancellationToken cancellationToken)
    {
        var buffer = TensorBuffer.From(values.AsMemory());
        var outcome = Run(
            new OperationGroup().AllReduce(buffer, buffer, ReduceOperator.Sum), step, OperationPurpose.Other, cancellationToken);
        return outcome.Status switch
        {
            OperationStatus.Completed => outcome,
            OperationStatus.Aborted => null,
            _ => throw outcome.Error!,
        };
    }

    private void Offer()
    {
        if (_offered == _version)
        {
            return;
        }

        _offered = _version;
        _state.Download();
        _server!.Offer(
            _version, _state.Tensors(), new VersionBlob(_state.SaveNumbers(), _strategy.State.Save()).ToBytes());
    }

    private bool HasAsked(Participant participant) => _server!.HasAsked(_version, new StatePeer(participant.Member, participant.Incarnation));

    private static List<StatePeer> Peers(List<Participant> participants) =>
        participants.ConvertAll(p => new StatePeer(p.Member, p.Incarnation));

    private static int IndexOf(IReadOnlyList<Participant> participants, Participant wanted)
    {
        for (var i = 0; i < participants.Count; i++)
        {
            if (participants[i] == wanted)
            {
                return i;
            }
        }

        return -1;
    }
}

/// <summary>What a member that is behind says after a step.</summary>
internal enum CatchUpClaim
{
    /// <summary>Its state is not here yet, or older than the others'.</summary>
    Behind = 0,

    /// <summary>It has applied all steps up to this one.</summary>
    CaughtUp = 1,

    /// <summary>It has lost its place and needs the state as it will be before the next exchange.</summary>
    Restart = 2,
}
