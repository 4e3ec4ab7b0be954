namespace Crossnode.Integration.Tests;

/// <summary>Goal: a worker that is killed in the middle of any operation, whichever way it goes, leaves no wrong number behind.
/// Method: real processes that run all of them by turns; two of four send themselves SIGKILL at a random moment of a chosen one.
/// Every result, and every input after an abort, is checked by the workers against the members that the outcome names.</summary>
[Trait("tier", "integration")]
public sealed class OperationKillTests
{
    private const int Workers = 4;
    private const int Elements = 80_000;
    private const int LongestThousandths = 1200;
    private const int MostStarts = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly IReadOnlyList<OperationCase> Cases = OperationCase.All;

    // CROSSNODE_OPERATION_KILLS=4 kills 200 times: 4 times in each operation, each way that it can go, on both kinds of links.
    private static int KillsOfEach =>
        int.TryParse(Environment.GetEnvironmentVariable("CROSSNODE_OPERATION_KILLS"), out var kills) ? kills : 0;

    [Theory]
    [InlineData("shared")]
    [InlineData("tcp")]
    public void Kills_in_the_middle_of_any_operation_leave_no_wrong_number(string links)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("CROSSNODE_OPERATION_SEED"), out var given) ? given : Environment.TickCount;
        var random = new Random(seed);
        var (kills, aborts) = (0, 0);
        foreach (var pair in Chosen(random).Chunk(2))
        {
            aborts += Kill(pair, links, random, $"CROSSNODE_OPERATION_SEED={seed} CROSSNODE_OPERATION_KILLS={KillsOfEach}, links {links}, after {kills} kills");
            kills += pair.Length;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills over {links} links, seed {seed}, {aborts} operations aborted");
    }

    // Where each is killed in once at most, any way will do for an operation; else each way has its turn, in either place.
    private static List<int> Chosen(Random random)
    {
        var numbers = Enumerable.Range(0, Cases.Count).ToList();
        var groups = KillsOfEach == 0
            ? numbers.GroupBy(number => Cases[number].Operation)
            : numbers.GroupBy(number => $"{Cases[number].Operation}:{Cases[number].Algorithm}");
        return
        [
            .. groups.SelectMany(group => Enumerable.Range(random.Next(group.Count()), Math.Max(1, KillsOfEach))
                    .Select(turn => group.ElementAt(turn % group.Count())))
                .OrderBy(_ => random.Next()),
        ];
    }

    private static int Kill(int[] chosen, string links, Random random, string hint)
    {
        for (var start = 1; ; start++)
        {
            if (TryKill(chosen, links, random, hint, isLast: start == MostStarts) is { } aborts)
            {
                return aborts;
            }
        }
    }

    // Null where a link of the first view did not open in time, on a machine that is overloaded: some ways need all links.
    private static int? TryKill(int[] chosen, string links, Random random, string hint, bool isLast)
    {
        var deaths = new string?[Workers];
        var victims = Enumerable.Range(0, Workers).OrderBy(_ => random.Next()).Take(chosen.Length).ToArray();
        for (var index = 0; index < victims.Length; index++)
        {
            // In the first turn every case runs once, so that it is known how long it takes.
            deaths[victims[index]] = $"{(Cases.Count * (index + 1)) + chosen[index] + 1}:{random.Next(LongestThousandths)}";
        }

        using var cluster = new Cluster(Workers, Cases.Count * (chosen.Length + 2), Elements, "ops", links: links, deaths: deaths);
        hint += $", {string.Join(" and ", victims.Select((victim, index) => $"member {victim} in {Cases[chosen[index]]} at {deaths[victim]}"))}";
        foreach (var worker in cluster.Workers)
        {
            Assert.True(worker.WaitForExit(Patience), $"{hint}: member {worker.Number} hangs{Environment.NewLine}{cluster.Report()}");
        }

        var report = $"{hint}{Environment.NewLine}{cluster.Report()}";
        Assert.True(!cluster.Workers.Any(worker => worker.Lines.Any(line => line.StartsWith("WRONG", StringComparison.Ordinal))), report);
        if (!isLast && cluster.News.Any(item => item.News.Text?.Contains(" is left out", StringComparison.Ordinal) == true))
        {
            return null;
        }

        var survivors = cluster.Workers.Where(worker => deaths[worker.Number] is null).ToList();
        Assert.True(survivors.TrueForAll(worker => worker.ExitCode == 0 && worker.Lines.Contains("done")), report);
        var outcomes = Outcomes(survivors[0]);
        Assert.True(survivors.TrueForAll(worker => Outcomes(worker).SequenceEqual(outcomes)), $"{report}{Environment.NewLine}survivors disagree");
        foreach (var victim in victims)
        {
            Assert.True(cluster.Workers[victim].Lines.Any(line => line.StartsWith("dies ", StringComparison.Ordinal)), report);

            // Promises are for the members of the next view: the last that only the dead knew may have gone another way for them.
            Assert.True(!Outcomes(cluster.Workers[victim]).SkipLast(1).Except(outcomes).Any(), $"{report}{Environment.NewLine}member {victim} saw something else");
        }

        var aborts = outcomes.Count(line => line.StartsWith("aborted ", StringComparison.Ordinal));
        Assert.True(aborts <= chosen.Length, $"{report}{Environment.NewLine}a kill aborts one operation at most, not {aborts} of {chosen.Length}");
        return aborts;
    }

    // Without the reason of an abort, which may be another one on each member.
    private static List<string> Outcomes(WorkerProcess worker) =>
    [
        .. from line in worker.Lines
           where line.StartsWith("ok ", StringComparison.Ordinal) || line.StartsWith("aborted ", StringComparison.Ordinal)
           select line.Split(": ")[0],
    ];
}
