using Crossnode.Cli.Benchmarks.Peers;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Benchmarks.Results;

namespace Crossnode.Cli.Benchmarks;

/// <summary>Runs what a plan says, case by case.</summary>
/// <param name="rounds">How many count.</param>
/// <param name="time">The clock.</param>
internal sealed class BenchRun(int rounds, TimeProvider time)
{
    // The first compiles the code and touches the memory, the second finds both as the others do.
    private const int WarmUpRounds = 2;

    private static readonly TimeSpan ShortestPatience = TimeSpan.FromSeconds(120);

    // Slower than any machine that is not stuck, for each process.
    private const double SlowestBytesPerSecond = 10e6;

    /// <summary>What goes on now.</summary>
    public string Status { get; private set; } = "";

    /// <summary>Measures; processes live as long as their world is measured.</summary>
    /// <param name="cases">What to measure, those of a world together.</param>
    /// <param name="done">Gets the rows of each case.</param>
    /// <param name="started">Gets a sentence for each set of processes that was started.</param>
    /// <param name="cancellationToken">Ends all processes.</param>
    /// <exception cref="BenchException">A process ended or does not answer.</exception>
    /// <exception cref="UsageException">A peer is missing.</exception>
    public async Task RunAsync(
        IReadOnlyList<BenchCase> cases, Action<IReadOnlyList<BenchRow>> done, Action<string> started, CancellationToken cancellationToken)
    {
        using var folder = new ScratchFolder();
        var programs = new PeerPrograms(Environment.GetEnvironmentVariable("PATH"));
        foreach (var peer in cases.SelectMany(measured => measured.Peers).Distinct())
        {
            Status = $"preparing {peer.Name} ...";
            await peer.PrepareAsync(programs, folder.Path, time, cancellationToken);
        }
        foreach (var world in cases.GroupBy(measured => measured.World))
        {
            await using var sets = new ProcessSets(world.Key, programs, folder.Path, started, time);
            foreach (var measured in world)
            {
                done(await MeasureAsync(measured, sets, cancellationToken));
            }
            Status = "ending the processes ...";
        }
    }

    private async Task<IReadOnlyList<BenchRow>> MeasureAsync(BenchCase measured, ProcessSets sets, CancellationToken cancellationToken)
    {
        Status = $"starting processes for {measured.Text} ...";
        var ours = new List<(OwnVariant Variant, Contender Contender)>();
        foreach (var variant in measured.Variants)
        {
            ours.Add((variant, new(await sets.OfAsync(variant, cancellationToken), Order(measured, variant))));
        }
        var peers = new List<Contender>();
        foreach (var peer in measured.Peers)
        {
            peers.Add(new(await sets.OfAsync(peer, cancellationToken), Order(measured, measured.Variants[0])));
        }
        var patience = ShortestPatience + TimeSpan.FromSeconds(measured.Bytes * (double)measured.Iterations * measured.World / SlowestBytesPerSecond);
        List<Contender> all = [.. ours.Select(own => own.Contender), .. peers];
        all.ForEach(contender => contender.Set.Pin(measured.IsPinned));
        for (var round = 1 - WarmUpRounds; round <= rounds; round++)
        {
            var what = $"{(round > 0 ? FormattableString.Invariant($"round {round} of {rounds}") : "the warm-up")} of {measured.Text}";
            foreach (var contender in all)
            {
                Status = FormattableString.Invariant($"{contender.Set.Name}, {measured.World} processes, {what} ...");
                var reply = await contender.Set.RoundAsync(contender.Order, what, patience, cancellationToken);
                if (round > 0)
                {
                    contender.Replies.Add(reply);
                }
            }
        }
        var seconds = peers.ToDictionary(
            peer => peer.Set.Name, IReadOnlyList<double> (peer) => [.. peer.Replies.Select(reply => reply.Seconds)]);
        return [.. ours.Select(own => BenchRow.Of(measured, own.Variant, own.Contender.Replies, seconds))];
    }

    private static string Order(BenchCase measured, OwnVariant variant) => new BenchOrder(
        measured.Operation, measured.Type, measured.Bytes, measured.Iterations, measured.InPlace, variant.Codec, variant.Commit).ToLine();

    private sealed record Contender(ProcessSet Set, string Order)
    {
        public List<BenchReply> Replies { get; } = [];
    }
}
