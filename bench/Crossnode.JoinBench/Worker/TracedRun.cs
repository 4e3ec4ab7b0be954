using Crossnode.Collectives;
using Crossnode.Collectives.State;
using Crossnode.Core;

namespace Crossnode.JoinBench.Worker;

/// <summary>A run whose operations are written down, with the time at which each was called and ended.</summary>
internal sealed class TracedRun(IStateExchange inner, Recorder recorder) : IStateExchange
{
    private bool _hasCalled;

    public MemberId Self => inner.Self;

    public ViewInfo View => inner.View;

    public bool IsNewcomer => inner.IsNewcomer;

    public StatePeer Peer => inner.Peer;

    public IReadOnlyList<StateHolder> Peers => inner.Peers;

    public StateServer? StateServer
    {
        get => inner.StateServer;
        set => inner.StateServer = value;
    }

    public void Enter(CancellationToken cancellationToken = default)
    {
        recorder.Note("enters");
        inner.Enter(cancellationToken);
        recorder.Note("entered");
    }

    public long NextSequence(uint tag) => inner.NextSequence(tag);

    public IReadOnlyList<uint> AwaitedTags => inner.AwaitedTags;

    public StateServer CreateStateServer(StateServerOptions options) => inner.CreateStateServer(options);

    public StateFetcher CreateStateFetcher()
    {
        recorder.Note("makes a fetcher");
        return inner.CreateStateFetcher();
    }

    public OperationOutcome Run(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (!_hasCalled)
        {
            _hasCalled = true;
            recorder.Note("calls its first operation");
        }

        var called = Recorder.Now;
        var outcome = inner.Run(group, options, cancellationToken);
        recorder.Add(new OperationTrace(outcome.Sequence, called, Recorder.Now, outcome.Attempts, group.Parts.Count));
        return outcome;
    }

    public Task<OperationOutcome> RunAsync(
        OperationGroup group, OperationOptions? options = null, CancellationToken cancellationToken = default) =>
        inner.RunAsync(group, options, cancellationToken);

    public TrafficCounters Traffic(uint? tag = null) => inner.Traffic(tag);
}
