namespace Crossnode.Collectives.State;

/// <summary>A communicator whose members may come later, and then fetch the run's state from the others.</summary>
public interface IStateExchange : ICommunicator
{
    /// <summary>Whether this process came to a run that had started.</summary>
    bool IsNewcomer { get; }

    /// <summary>Becomes a member of a run that has started, where that was put off; else returns at once.</summary>
    void Enter(CancellationToken cancellationToken = default);

    /// <summary>This process among those of its identity.</summary>
    StatePeer Peer { get; }

    /// <summary>The other members of the installed view.</summary>
    IReadOnlyList<StateHolder> Peers { get; }

    /// <summary>What serves this member's state to others; null refuses them.</summary>
    StateServer? StateServer { get; set; }

    /// <summary>The number that the next operation of a tag gets here, from 1.</summary>
    long NextSequence(uint tag);

    /// <summary>Tags of operations that other members have begun, and this process has not.</summary>
    IReadOnlyList<uint> AwaitedTags { get; }

    /// <summary>Makes a server for <see cref="StateServer"/>; the caller disposes it.</summary>
    StateServer CreateStateServer(StateServerOptions options);

    /// <summary>Makes a fetcher that speaks as this member; the caller disposes it.</summary>
    StateFetcher CreateStateFetcher();
}
