using Crossnode.Cli.Tests.Processes;
using Crossnode.Cli.Training;
using Crossnode.Collectives.State;
using Crossnode.Core.Errors;
using Crossnode.Integration.Tests.State;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Tests.Training;

/// <summary>Goal: a joiner gets the run's data and no other, whatever single members give, and as long as one gives them.</summary>
[Trait("tier", "integration")]
public sealed class DataFetchTests
{
    private const int ChunkBytes = 1 << 12;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Other_data_of_most_members_are_refused_and_those_of_another_taken()
    {
        using var cluster = new StateCluster(3, 100);
        var (right, wrong) = (MakeCorpus(1), MakeCorpus(2));
        Publish(cluster.Servers[0], wrong);
        Publish(cluster.Servers[1], wrong);
        Publish(cluster.Servers[2], right);
        var fetched = Fetch(cluster, right).Run(Cancellation);
        Assert.Equal(right.Training.ToArray(), fetched.Training.ToArray());
        Assert.Equal(right.HeldOut.ToArray(), fetched.HeldOut.ToArray());
        Assert.True(cluster.Servers[2].Counters.BytesServed >= right.Training.Length);
    }

    [Fact]
    public void Other_data_of_all_members_are_an_error_that_names_the_difference()
    {
        using var cluster = new StateCluster(2, 100);
        var (right, wrong) = (MakeCorpus(1), MakeCorpus(2));
        cluster.Servers.ForEach(server => Publish(server, wrong));
        var error = Assert.Throws<InputException>(() => Fetch(cluster, right).Run(Cancellation));
        Assert.Contains("What the members gave is not what the coordinator describes: document 1 of", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_dead_member_gave_stays_and_another_that_came_since_gives_the_rest()
    {
        // The first can send no more than this, so it is not done when it dies.
        using var cluster = new StateCluster(2, 100, options: new StateServerOptions { ChunkBytes = ChunkBytes, RateBytesPerSecond = 40_000 });
        var corpus = MakeCorpus(1);
        cluster.Servers.ForEach(server => Publish(server, corpus));
        var (first, second) = (cluster.Servers[0], cluster.Servers[1]);
        IReadOnlyList<StateHolder> holders = [cluster.Newcomer.Peers[0]];
        var fetching = Task.Run(() => Fetch(cluster, corpus, () => Volatile.Read(ref holders)).Run(Cancellation), Cancellation);
        while (first.Counters.BytesServed <= 2 * ChunkBytes)
        {
            await Task.Delay(10, Cancellation);
        }

        Volatile.Write(ref holders, [cluster.Newcomer.Peers[1]]);
        first.Dispose();
        Assert.Equal(corpus.Training.ToArray(), (await fetching).Training.ToArray());

        // One chunk may have been on its way.
        var all = corpus.Training.Length + corpus.HeldOut.Length + corpus.Lengths.Length;
        Assert.InRange(second.Counters.BytesServed, 1, all - ChunkBytes);
    }

    [Fact]
    public async Task Member_that_says_nothing_does_not_keep_from_one_that_came_since()
    {
        using var cluster = new StateCluster(2, 100);
        var corpus = MakeCorpus(1);
        Publish(cluster.Servers[1], corpus);
        IReadOnlyList<StateHolder> holders = [cluster.Newcomer.Peers[0]];
        var fetching = Task.Run(() => Fetch(cluster, corpus, () => Volatile.Read(ref holders)).Run(Cancellation), Cancellation);
        while (cluster.Servers[0].Counters.Fetchers == 0)
        {
            await Task.Delay(10, Cancellation);
        }

        Volatile.Write(ref holders, [cluster.Newcomer.Peers[1]]);
        Assert.Equal(corpus.Training.ToArray(), (await fetching).Training.ToArray());
    }

    [Fact]
    public void Members_that_give_nothing_are_named_when_patience_ends()
    {
        using var cluster = new StateCluster(1, 100);
        cluster.Servers[0].Dispose();
        var error = Assert.Throws<LinkException>(() => Fetch(cluster, MakeCorpus(1)).Run(Cancellation));
        Assert.Contains("what members publish could not be fetched, no holder is left: member 0 (127.0.0.1:", error.Message, StringComparison.Ordinal);
    }

    private static DataFetch Fetch(StateCluster cluster, Corpus wanted, Func<IReadOnlyList<StateHolder>>? holders = null) => new(
        cluster.Fetcher,
        holders ?? (() => [.. cluster.Newcomer.Peers.Take(cluster.Servers.Count)]),
        DataManifest.Of(wanted.Report!),
        new FetchReport(NoteKind.FetchingData, _ => { }, TimeProvider.System),
        TimeProvider.System)
    {
        Patience = TimeSpan.FromSeconds(10),
        PatienceAfterWrong = TimeSpan.FromSeconds(0.5),
        AskFor = TimeSpan.FromSeconds(6),
        Pause = TimeSpan.FromSeconds(0.05),
    };

    private static void Publish(StateServer server, Corpus corpus) => server.Publish(
    [
        DataFetch.Tensor(DataFetch.Names.Training, corpus.Training),
        DataFetch.Tensor(DataFetch.Names.HeldOut, corpus.HeldOut),
        DataFetch.Tensor(DataFetch.Names.Lengths, corpus.Lengths),
    ]);

    private static Corpus MakeCorpus(ulong seed)
    {
        var folder = Directory.CreateTempSubdirectory("crossnode-data-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "a.txt"), TinyTraining.MadeUpText(seed)[..60_000]);
            File.WriteAllText(Path.Combine(folder.FullName, "b.txt"), TinyTraining.MadeUpText(seed + 100)[..50_000]);
            return Corpus.FromFiles([folder.FullName]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
