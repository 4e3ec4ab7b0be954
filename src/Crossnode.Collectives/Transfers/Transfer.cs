using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>Moves one buffer of one operation at one member: says what to send and where received bytes go, and reduces.</summary>
/// <remarks>
/// Pure: no sockets, no threads, no time. Calls are serialised by the caller and valid in one attempt in one view.
/// Slices between two members travel in order. The source is never written; until <see cref="IsDataComplete"/> the
/// target holds partial results, and it stays readable until <see cref="AllSent"/>, because others' bytes are sent from
/// it. No call allocates, except for the errors.
/// </remarks>
public abstract unsafe class Transfer : IDisposable
{
    /// <summary>The ranks that send to this member.</summary>
    public abstract IReadOnlyList<int> Sources { get; }

    /// <summary>The ranks that this member sends to.</summary>
    public abstract IReadOnlyList<int> Targets { get; }

    /// <summary>All of this member's result is here.</summary>
    public abstract bool IsDataComplete { get; }

    /// <summary>Every slice that this member owes to others was sent.</summary>
    public abstract bool AllSent { get; }

    /// <summary>The sum of the members' weights, the same on every member; for sums the number of members.</summary>
    /// <remarks>Valid once data-complete; 0 for a broadcast.</remarks>
    public double TotalWeight { get; protected set; }

    /// <summary>Every member's weight in an average was 0: the target holds no result. The same on every member.</summary>
    /// <remarks>Valid once data-complete.</remarks>
    public bool ZeroWeight { get; protected set; }

    /// <summary>Says what goes next to <c>Targets[targetIndex]</c>, without advancing.</summary>
    /// <returns>False while nothing is ready, or when everything was sent.</returns>
    public abstract bool TryGetSend(int targetIndex, out Slice slice, out byte* payload);

    /// <summary>Advances: all bytes of that slice have left this process's memory.</summary>
    public abstract void Sent(int targetIndex);

    /// <summary>Checks the next slice from <c>Sources[sourceIndex]</c> and says where its bytes go.</summary>
    /// <exception cref="ProtocolException">It is not the one that the plan has next; the text names both.</exception>
    public abstract byte* Expect(int sourceIndex, in Slice slice);

    /// <summary>Takes the slice that was announced last: its bytes are all there.</summary>
    public abstract void Received(int sourceIndex, in Slice slice);

    /// <inheritdoc />
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees scratch memory; no link may hold an address from this transfer any more.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
