using Crossnode.Cli.Benchmarks.Peers;
using Crossnode.Cli.Benchmarks.Processes;

namespace Crossnode.Cli.Benchmarks;

/// <summary>The sets of processes of one world, each started when it is first needed.</summary>
internal sealed class ProcessSets(int world, PeerPrograms programs, string folder, Action<string> started, TimeProvider time) : IAsyncDisposable
{
    private readonly Dictionary<object, ProcessSet> _sets = [];

    /// <summary>The processes that run a variant of this library.</summary>
    public Task<ProcessSet> OfAsync(OwnVariant variant, CancellationToken cancellationToken) =>
        // Codec and commit come with each order.
        OfAsync((variant.Link, variant.CongestionControl), () => OwnProcesses.Plan(world, variant, time), cancellationToken);

    /// <summary>The processes of a peer.</summary>
    public Task<ProcessSet> OfAsync(BenchPeer peer, CancellationToken cancellationToken) =>
        OfAsync(peer.Name, () => peer.Plan(world, programs, folder), cancellationToken);

    /// <inheritdoc />
    public async ValueTask DisposeAsync() => await Task.WhenAll(_sets.Values.Select(set => set.DisposeAsync().AsTask()));

    private async Task<ProcessSet> OfAsync(object key, Func<ProcessSetPlan> plan, CancellationToken cancellationToken)
    {
        if (!_sets.TryGetValue(key, out var set))
        {
            set = _sets[key] = await ProcessSet.StartAsync(plan(), time, cancellationToken);
            started($"{set.Name} with {world} ranks: processes {string.Join(", ", set.ProcessIds)}");
        }
        return set;
    }
}
