using Crossnode.Cli.Benchmarks.Peers;
using Crossnode.Cli.Benchmarks.Processes;
using Crossnode.Cli.Benchmarks.Results;

namespace Crossnode.Cli.Benchmarks;

/// <summary>Runs what a plan says, case by case.</summary>
/// <param name="rounds">How many count.</param>
/// <param name="time">The clock.</param>
internal sealed class BenchRun(int rounds, TimeProvider time)
{
    // The first compiles the code and touches the memory; .NET compiles what runs often once more some tenths of a second
    // later, and small operations show it.
    private const int WarmUpRounds = 2;
    private const int WarmUpRoundsOfSmall = 5;

    // The first warm-up also tells how many operations a round can have.
    private const int IterationsToTry = 30;

    // A program that is slow must not make all the others wait.
    private static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(0.4);

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

    /// <summary>How many operations of a program fit a round.</summary>
    internal static int Fitting(int most, double secondsOfOne) => (int)Math.Clamp(LongestRound.TotalSeconds / secondsOfOne, 1, most);

    private async Task<IReadOnlyList<BenchRow>> MeasureAsync(BenchCase measured, ProcessSets sets, CancellationToken cancellationToken)
    {
        Status = $"starting processes for {measured.Text} ...";
        var ours = new List<(OwnVariant Variant, Contender Contender)>();
        foreach (var variant in measured.Variants)
        {
            ours.Add((variant, new(await sets.OfAsync(variant, cancellationToken), variant, measured)));
        }
        var peers = new List<Contender>();
        foreach (var peer in measured.Peers)
        {
            peers.Add(new(await sets.OfAsync(peer, cancellationToken), measured.Variants[0], measured));
        }
        var patience = ShortestPatience + TimeSpan.FromSeconds(measured.Bytes * (double)measured.Iterations * measured.World / SlowestBytesPerSecond);
        List<Contender> all = [.. ours.Select(own => own.Contender), .. peers];
        all.ForEach(contender => contender.Set.Pin(measured.IsPinned));
        var warmUps = measured.Bytes < BenchPlan.SmallestLarge ? WarmUpRoundsOfSmall : WarmUpRounds;
        for (var round = 1 - warmUps; round <= rounds; round++)
        {
            var what = $"{(round > 0 ? FormattableString.Invariant($"round {round} of {rounds}") : "the warm-up")} of {measured.Text}";
            foreach (var contender in all)
            {
                Status = FormattableString.Invariant($"{contender.Set.Name}, {measured.World} processes, {what} ...");
                var reply = await contender.Set.RoundAsync(contender.Order, what, patience, cancellationToken);
                contender.Take(reply, counts: round > 0);
            }
        }
        var seconds = peers.ToDictionary(
            peer => peer.Set.Name, IReadOnlyList<double> (peer) => [.. peer.Replies.Select(reply => reply.Seconds)]);
        return [.. ours.Select(own => BenchRow.Of(measured with { Iterations = own.Contender.Iterations }, own.Variant, own.Contender.Replies, seconds))];
    }

    private sealed class Contender(ProcessSet set, OwnVariant variant, BenchCase measured)
    {
        public ProcessSet Set => set;

        public List<BenchReply> Replies { get; } = [];

        public int Iterations { get; private set; } = measured.HasFixedIterations ? measured.Iterations : Math.Min(measured.Iterations, IterationsToTry);

        public string Order => new BenchOrder(
            measured.Operation, measured.Type, measured.Bytes, Iterations, measured.InPlace, variant.Codec, variant.Commit, variant.Algorithm).ToLine();

        public void Take(BenchReply reply, bool counts)
        {
            if (counts)
            {
                Replies.Add(reply);
            }
            else if (!measured.HasFixedIterations)
            {
                Iterations = Fitting(measured.Iterations, reply.Seconds);
            }
        }
    }
}
