using System.Runtime.InteropServices;
using Crossnode.Cli.Configuration;
using Crossnode.Collectives.Sessions;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Training;

/// <summary>A run's data between its members: each publishes them, and whoever lacks them fetches them before it enters.</summary>
internal static class RunData
{
    private const string Training = "training";
    private const string HeldOut = "held out";
    private const string Lengths = "lengths";
    private const int Attempts = 2;

    // Members publish as soon as they have read the corpus.
    private static readonly TimeSpan ManifestTime = TimeSpan.FromMinutes(5);

    // Holders that stall are left alone much earlier: this is a GiB at 12 kB/s.
    private static readonly TimeSpan FetchTime = TimeSpan.FromDays(1);

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(0.2);

    /// <summary>The file whose lock says which worker of a machine fetches a corpus.</summary>
    public static string ClaimOf(string corpus) => corpus + ".claim";

    /// <summary>Lets others fetch the corpus from this member; does nothing where nobody comes later.</summary>
    public static void Publish(Session session, Corpus corpus) => session.StateServer?.Publish(
    [
        Tensor(Training, corpus.Training), Tensor(HeldOut, corpus.HeldOut), Tensor(Lengths, corpus.Lengths),
    ]);

    /// <summary>Fetches the run's data into the launcher's folder, or waits until another worker of this machine has.</summary>
    /// <param name="session">Of a newcomer that has not entered.</param>
    /// <param name="place">Where the data go, and the file that says what they are.</param>
    /// <param name="tell">Hears how far it is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="CrossnodeException">No member gives them, or what members give is something else; the text says of each why.</exception>
    public static Corpus Fetch(Session session, WorkerPlace place, Action<WorkerNote> tell, TimeProvider time, CancellationToken stop)
    {
        while (!File.Exists(place.FetchedCorpus))
        {
            // The system lets go of the lock of a worker that dies.
            using var claim = Claim(place.FetchedCorpus);
            if (claim is not null && !File.Exists(place.FetchedCorpus))
            {
                var wanted = RunCharter.Parse(File.ReadAllBytes(place.Charter), new TrainConfiguration()).Data;
                var corpus = Fetch(session, wanted, new FetchReport(NoteKind.FetchingData, tell, time), stop);
                corpus.SaveTo(place.FetchedCorpus);
                tell(new WorkerNote { Kind = NoteKind.DataHere });
                return corpus;
            }
            stop.WaitHandle.WaitOne(LookAgain);
            stop.ThrowIfCancellationRequested();
        }
        return Corpus.LoadFrom(place.FetchedCorpus);
    }

    private static Corpus Fetch(Session session, DataManifest wanted, FetchReport report, CancellationToken stop)
    {
        using var fetcher = session.CreateStateFetcher();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return FetchOnce(fetcher, session.Peers, wanted, report, stop);
            }
            catch (InputException) when (attempt < Attempts)
            {
                // Most of those that answered may have been wrong.
            }
        }
    }

    private static Corpus FetchOnce(
        StateFetcher fetcher, IReadOnlyList<StateHolder> holders, DataManifest wanted, FetchReport report, CancellationToken stop)
    {
        if (holders.Count == 0)
        {
            throw new InputException("The run has no member that could give its data.");
        }
        var request = new FetchRequest { Version = StateServer.PublishedVersion, Holders = holders, Deadline = ManifestTime };
        var sizes = fetcher.FetchManifest(request, stop).Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ByteLength);
        var (training, heldOut, lengths) = (Size(sizes, Training), Size(sizes, HeldOut), Size(sizes, Lengths));
        if (training + heldOut > Corpus.MostBytes || lengths > Corpus.MostBytes)
        {
            throw new InputException($"The run's data are said to have {training + heldOut} bytes, and this program takes {Corpus.MostBytes}.");
        }
        var (first, second, third) = (new byte[training], new byte[heldOut], new byte[lengths]);
        fetcher.Run(
            request with
            {
                Targets = [Tensor(Training, first), Tensor(HeldOut, second), Tensor(Lengths, third)],
                Deadline = FetchTime,
                Progress = report.Fetched,
            },
            stop);
        return Corpus.FromMembers(wanted, first, second, third);
    }

    private static long Size(Dictionary<string, long> sizes, string name) => sizes.TryGetValue(name, out var bytes) && bytes <= Corpus.MostBytes
        ? bytes
        : throw new InputException($"What the members publish is no text to learn: its part '{name}' is {(sizes.ContainsKey(name) ? "too large" : "missing")}.");

    private static FileStream? Claim(string corpus)
    {
        try
        {
            return new FileStream(ClaimOf(corpus), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(ClaimOf(corpus)))
        {
            return null;
        }
    }

    private static StateTensor Tensor(string name, ReadOnlyMemory<byte> bytes) =>
        new(name, TensorBuffer.FromBytes(MemoryMarshal.AsMemory(bytes), ElementType.UInt8));
}
