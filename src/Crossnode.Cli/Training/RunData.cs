using Crossnode.Cli.Configuration;
using Crossnode.Collectives.Sessions;
using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Training;

/// <summary>A run's data between its members: each publishes them, and whoever lacks them fetches them before it enters.</summary>
internal static class RunData
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(0.2);

    /// <summary>The file whose lock says which worker of a machine fetches a corpus.</summary>
    public static string ClaimOf(string corpus) => corpus + ".claim";

    /// <summary>Lets others fetch the corpus from this member; does nothing where nobody comes later.</summary>
    public static void Publish(Session session, Corpus corpus) => session.StateServer?.Publish(
    [
        DataFetch.Tensor(DataFetch.Names.Training, corpus.Training),
        DataFetch.Tensor(DataFetch.Names.HeldOut, corpus.HeldOut),
        DataFetch.Tensor(DataFetch.Names.Lengths, corpus.Lengths),
    ]);

    /// <summary>Fetches the run's data into the launcher's folder, or waits until another worker of this machine has.</summary>
    /// <param name="session">Of a newcomer that has not entered.</param>
    /// <param name="place">Where the data go, and the file that says what they are.</param>
    /// <param name="tell">Hears how far it is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="CrossnodeException">No member gives them, what members give is something else, or it cannot be written.</exception>
    /// <exception cref="MembershipException">The run has ended for this process meanwhile.</exception>
    public static Corpus Fetch(Session session, WorkerPlace place, Action<WorkerNote> tell, TimeProvider time, CancellationToken stop)
    {
        using var whileInRun = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var watch = time.CreateTimer(
            _ =>
            {
                try
                {
                    if (session.EndReason is not null)
                    {
                        whileInRun.Cancel();
                    }
                }
                catch (ObjectDisposedException)
                {
                    // The fetch ended in this moment.
                }
            },
            state: null, LookAgain, LookAgain);
        try
        {
            return FetchOrWait(session, place, tell, time, whileInRun.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested && session.EndReason is { } reason)
        {
            throw new MembershipException(reason);
        }
    }

    private static Corpus FetchOrWait(Session session, WorkerPlace place, Action<WorkerNote> tell, TimeProvider time, CancellationToken stop)
    {
        while (!File.Exists(place.FetchedCorpus))
        {
            // The system lets go of the lock of a worker that dies.
            using var claim = Claim(place.FetchedCorpus);
            if (claim is not null && !File.Exists(place.FetchedCorpus))
            {
                var wanted = RunCharter.Parse(File.ReadAllBytes(place.Charter), new TrainConfiguration()).Data;
                using var fetcher = session.CreateStateFetcher();
                var report = new FetchReport(NoteKind.FetchingData, tell, time);
                var corpus = new DataFetch(fetcher, () => session.Peers, wanted, report, time).Run(stop);
                Save(corpus, place.FetchedCorpus);
                tell(new WorkerNote { Kind = NoteKind.DataHere });
                return corpus;
            }
            stop.WaitHandle.WaitOne(LookAgain);
            stop.ThrowIfCancellationRequested();
        }
        return Corpus.LoadFrom(place.FetchedCorpus);
    }

    private static void Save(Corpus corpus, string path)
    {
        try
        {
            corpus.SaveTo(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, failure);
        }
    }

    private static FileStream? Claim(string corpus)
    {
        try
        {
            return new FileStream(ClaimOf(corpus), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken) when (IsSharingViolation(taken))
        {
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(ClaimOf(corpus), failure);
        }
    }

    // EWOULDBLOCK of Linux and of macOS; ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION of Windows.
    private static bool IsSharingViolation(IOException failure) => OperatingSystem.IsWindows()
        ? (failure.HResult & 0xFFFF) is 32 or 33
        : failure.HResult is 11 or 35;

    private static InputException CannotWrite(string path, Exception failure) => new(
        $"The run's data cannot be kept in {path}: {failure.Message} Make room there, or name another folder with --out.", failure);
}
