using Crossnode.Collectives;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Training.Buffers;
using Crossnode.Training.Joining;

namespace Crossnode.TorchSharp.Joining;

/// <summary>Leads a newcomer to its place in the others' loop: asks them what the next operation is, and takes part in it.</summary>
internal sealed class LoopGuide(IStateExchange exchange, string model, DistributionOptions options) : IDisposable
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AskFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan GreetFor = TimeSpan.FromSeconds(2);

    private readonly StateFetcher _fetcher = exchange.CreateStateFetcher();

    /// <summary>Opens connections to the others before they wait for this process, and asks something once.</summary>
    public void Greet(CancellationToken cancellationToken)
    {
        try
        {
            OperationDescription.Parse(
                _fetcher.Describe(1, exchange.Peers, GreetFor, cancellationToken: cancellationToken).Body.Span);
        }
        catch (Exception unanswered) when (unanswered is LinkException or DeadlineException)
        {
            // Nobody remembers the first operation, or can be asked yet. What matters comes later, and is asked again.
        }
    }

    /// <summary>Asks level members what the next operation of the loop is, and waits until one has come to it.</summary>
    /// <param name="tag">The loop's tag.</param>
    /// <param name="standsStill">Told where the others are while they train by themselves: their state can be fetched meanwhile.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DeadlineException">Nobody said it within the session's time.</exception>
    /// <exception cref="MembershipException">This process left the run, or the others did.</exception>
    /// <exception cref="InputException">It has another module, or the others wait for it in an operation of another tag.</exception>
    public OperationDescription Ask(uint tag, Action<OperationDescription> standsStill, CancellationToken cancellationToken)
    {
        var since = options.Time.GetTimestamp();
        var sequence = exchange.NextSequence(tag);
        var isProvisional = false;
        string? trouble = null;
        while (options.Time.GetElapsedTime(since) < options.JoinTimeout)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var holders = exchange.Peers;
            if (holders.Count == 0)
            {
                throw new MembershipException(
                    "there is nobody left to fetch the run's state from: all others have ended; resume from a checkpoint");
            }

            try
            {
                var askFor = AskFor < options.PatienceWithOtherTags ? AskFor : options.PatienceWithOtherTags;
                var said = _fetcher.Describe(sequence, holders, askFor, exchange.View.Id, isProvisional, cancellationToken);
                var described = OperationDescription.Parse(said.Body.Span);
                if (described.Model != model)
                {
                    throw new InputException(
                        $"the module or the strategy of {exchange.Self} differs from that of the run in a name, a shape, a type, in what is "
                        + "frozen, or in the optimiser: start it with the run's configuration");
                }

                if (described.Purpose != OperationPurpose.Between)
                {
                    return described;
                }

                standsStill(described);
                isProvisional = true;
                trouble = "the others train between two averagings";
            }
            catch (DeadlineException waiting)
            {
                trouble = waiting.Message;
                if (options.Time.GetElapsedTime(since) >= options.PatienceWithOtherTags)
                {
                    ThrowIfAwaitedElsewhere(tag);
                }
            }
            catch (LinkException gone)
            {
                trouble = gone.Message;
                cancellationToken.WaitHandle.WaitOne(AskAgain);
            }
        }

        throw new DeadlineException(
            $"waited {options.JoinTimeout.TotalSeconds:0} s for a member to say what operation {sequence} is: {trouble}");
    }

    // The others stand still there, so they never say what comes next in the loop.
    private void ThrowIfAwaitedElsewhere(uint tag)
    {
        // Tag 0 is one as any other: the default of operations.
        foreach (var other in exchange.AwaitedTags.Where(other => other != tag))
        {
            throw new InputException(
                $"the others wait for {exchange.Self} in an operation of tag {other}, of which a newcomer cannot know: where members may come"
                + " later, run the loop's own operations with trainer.Run(...), which newcomers take part in");
        }
    }

    /// <summary>Takes part in an operation that is no step, without adding anything.</summary>
    public OperationOutcome Watch(OperationDescription described, uint tag, CancellationToken cancellationToken)
    {
        var group = new OperationGroup { Weight = 0 };
        var scratch = new List<FlatBuffer>();
        try
        {
            foreach (var part in described.Parts)
            {
                var buffer = FlatBuffer.Allocate((ElementType)part.Element, FlatBuffer.Layout([("part", part.Count)]));
                scratch.Add(buffer);
                _ = (CollectiveKind)part.Kind switch
                {
                    CollectiveKind.AllReduce => group.AllReduce(
                        buffer.AsTensorBuffer(), buffer.AsTensorBuffer(), (ReduceOperator)part.Reduce),
                    CollectiveKind.Broadcast => group.Broadcast(buffer.AsTensorBuffer(), new MemberId(part.Root)),
                    _ => throw new ProtocolException($"a member describes an operation of kind {part.Kind}, which this program does not know"),
                };
            }

            return exchange.Run(group, new OperationOptions { Tag = tag }, cancellationToken);
        }
        finally
        {
            scratch.ForEach(buffer => buffer.Dispose());
        }
    }

    public void Dispose() => _fetcher.Dispose();
}
