using System.Runtime.InteropServices;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Models.Text;

namespace Crossnode.Cli.Training;

/// <summary>Fetches a run's data from its members, and goes on asking until they are what the run's description says.</summary>
/// <remarks>
/// A holder that breaks costs a retry, and what has come stays. What is not what the description says is refused by its hash
/// from then on, so that others are asked.
/// </remarks>
internal sealed class DataFetch(StateFetcher fetcher, Func<IReadOnlyList<StateHolder>> holders, DataManifest wanted, FetchReport report, TimeProvider time)
{
    /// <summary>The names under which members publish text to learn, held-out text, and lengths of documents.</summary>
    public static readonly (string Training, string HeldOut, string Lengths) Names = ("training", "held out", "lengths");

    // Holders that stall are left alone much earlier: this is a GiB at 12 kB/s.
    private static readonly TimeSpan FetchTime = TimeSpan.FromDays(1);

    private readonly HashSet<UInt128> _refused = [];
    private byte[] _training = [];
    private byte[] _heldOut = [];
    private byte[] _lengths = [];
    private long _movedAt;

    /// <summary>How long no byte may come before it gives up: members publish as soon as they have read their corpus.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long it goes on after wrong data, when no other member gives any.</summary>
    public TimeSpan PatienceAfterWrong { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long members may take to say what they have, before it looks anew who is there.</summary>
    public TimeSpan AskFor { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long it waits before it asks again.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Fetches and checks.</summary>
    /// <exception cref="CrossnodeException">No member gives them, or what members give is something else; the text says of each why.</exception>
    public Corpus Run(CancellationToken stop)
    {
        _movedAt = time.GetTimestamp();
        InputException? wrong = null;
        while (true)
        {
            try
            {
                return FetchOnce(stop);
            }
            catch (InputException difference)
            {
                wrong = difference;
                _movedAt = time.GetTimestamp();
            }
            catch (CrossnodeException lost) when (lost is LinkException or DeadlineException)
            {
                if (time.GetElapsedTime(_movedAt) > (wrong is null ? Patience : PatienceAfterWrong))
                {
                    throw wrong ?? lost;
                }
                stop.WaitHandle.WaitOne(Pause);
            }
        }
    }

    private Corpus FetchOnce(CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var now = holders();
        if (now.Count == 0)
        {
            throw new LinkException("The run has no member that could give its data.");
        }
        var request = new FetchRequest
        {
            Version = StateServer.PublishedVersion, Holders = now, Deadline = AskFor, Accepts = hash => !_refused.Contains(hash),
        };
        var manifest = fetcher.FetchManifest(request, stop);
        try
        {
            MakeRoom(manifest);
            fetcher.Run(
                request with
                {
                    Targets = [Tensor(Names.Training, _training), Tensor(Names.HeldOut, _heldOut), Tensor(Names.Lengths, _lengths)],
                    Deadline = FetchTime,
                    Accepts = hash => hash == manifest.TotalHash,
                    Progress = (bytes, total, from) =>
                    {
                        _movedAt = time.GetTimestamp();
                        report.Fetched(bytes, total, from);
                    },
                },
                stop);
            return Corpus.FromMembers(wanted, _training, _heldOut, _lengths);
        }
        catch (InputException)
        {
            _refused.Add(manifest.TotalHash);
            throw;
        }
    }

    // What came of an earlier try stays, and is not fetched again where it is right.
    private void MakeRoom(StateManifest manifest)
    {
        var sizes = manifest.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ByteLength);
        var (training, heldOut, lengths) = (Size(sizes, Names.Training), Size(sizes, Names.HeldOut), Size(sizes, Names.Lengths));
        wanted.CheckSizes(training, heldOut, lengths);
        if ((training, heldOut, lengths) != (_training.Length, _heldOut.Length, _lengths.Length))
        {
            (_training, _heldOut, _lengths) = (new byte[training], new byte[heldOut], new byte[lengths]);
        }
    }

    private static long Size(Dictionary<string, long> sizes, string name) => sizes.TryGetValue(name, out var bytes)
        ? bytes
        : throw new InputException($"What the members publish is no text to learn: its part '{name}' is missing.");

    /// <summary>A part of the data as members publish it.</summary>
    public static StateTensor Tensor(string name, ReadOnlyMemory<byte> bytes) =>
        new(name, TensorBuffer.FromBytes(MemoryMarshal.AsMemory(bytes), ElementType.UInt8));
}
