using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Protocol.Views;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Sessions;

/// <summary>State connections: accepted here, served and opened elsewhere.</summary>
public sealed partial class Session
{
    private StateServer? _stateServer;

    /// <summary>What serves this member's state to others; null refuses them.</summary>
    /// <remarks>Whoever sets it disposes it, after the session or before.</remarks>
    public StateServer? StateServer
    {
        get => Volatile.Read(ref _stateServer);
        set
        {
            lock (_gate)
            {
                Volatile.Write(ref _stateServer, value);
                if (_engine.View is { } view)
                {
                    RetainState(view);
                }
            }
        }
    }

    /// <summary>The other members of the installed view, as holders of state; before the first view those that a newcomer was told of.</summary>
    public IReadOnlyList<StateHolder> Peers
    {
        get
        {
            lock (_gate)
            {
                return [.. from member in _engine.View?.Record.Members ?? _engine.Hosts
                           where member.Id != Self.Value
                           select new StateHolder(new MemberId(member.Id), member.Incarnation, member.Endpoint)];
            }
        }
    }

    /// <inheritdoc />
    public StatePeer Peer => new(Self, _options.Incarnation);

    /// <inheritdoc />
    public StateServer CreateStateServer(StateServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new StateServer(_transport, options with { Time = _options.Time, Logger = options.Logger ?? _options.Logger });
    }

    /// <summary>Makes a fetcher that speaks as this member.</summary>
    /// <remarks>It opens connections of its own and may be used while operations run. The caller disposes it.</remarks>
    public StateFetcher CreateStateFetcher() => new(_transport, new StateFetcherOptions
    {
        Run = _options.Run,
        Self = new StatePeer(Self, _options.Incarnation),
        Time = _options.Time,
    });

    // A newcomer may have installed a view that this member has not been told of yet.
    private PreambleStatus? JudgeState(Preamble theirs)
    {
        if (_engine.EndReason is not null || _stateServer is null)
        {
            return PreambleStatus.Refused;
        }

        if (_engine.View is not { } view || theirs.View.Epoch > view.Id.Epoch)
        {
            return null;
        }

        return theirs.View == ViewId.None || !IsGuest(theirs) ? PreambleStatus.Ok : PreambleStatus.Refused;
    }

    // It may listen to what operations are before it enters.
    private bool IsGuest(Preamble theirs) => !_engine.View!.Contains(theirs.Member, theirs.Incarnation);

    private void RetainState(View view) => _stateServer?.Retain(
        view.Record.Members.Select(member => new StatePeer(new MemberId(member.Id), member.Incarnation)));
}
