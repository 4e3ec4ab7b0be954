using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>Moves one buffer of one operation at one member: says what to send and where received bytes go, and reduces.</summary>
/// <remarks>
/// Pure: no sockets, no threads, no time. Calls are serialised by the caller and valid in one attempt in one view.
/// Moves between two members begin in order; their chunks may overtake one another where a link has several stripes. The
/// source is never written; until <see cref="IsDataComplete"/> the target holds partial results, and it stays readable
/// until <see cref="AllSent"/>, because others' bytes are sent from it. No call allocates for each chunk.
/// </remarks>
public abstract unsafe class Transfer : IDisposable
{
    /// <summary>The ranks that send to this member.</summary>
    public abstract IReadOnlyList<int> Sources { get; }

    /// <summary>The ranks that this member sends to.</summary>
    public abstract IReadOnlyList<int> Targets { get; }

    /// <summary>All of this member's result is here.</summary>
    public abstract bool IsDataComplete { get; }

    /// <summary>Every chunk that this member owes to others was sent.</summary>
    public abstract bool AllSent { get; }

    /// <summary>The sum of the members' weights, the same on every member; where nothing is weighted the number of members.</summary>
    /// <remarks>Valid once data-complete; 0 where nothing is reduced.</remarks>
    public double TotalWeight { get; protected set; }

    /// <summary>Every member's weight in an average was 0: the target holds no result. The same on every member.</summary>
    /// <remarks>Valid once data-complete.</remarks>
    public bool ZeroWeight { get; protected set; }

    /// <summary>Says what goes next to <c>Targets[targetIndex]</c>, without advancing.</summary>
    /// <returns>False while nothing is ready, or when everything is under way.</returns>
    public abstract bool TryGetSend(int targetIndex, out Slice slice, out byte* payload);

    /// <summary>Advances: the chunk that <see cref="TryGetSend"/> gave is under way.</summary>
    public abstract void Take(int targetIndex);

    /// <summary>All bytes of a chunk that was taken have left this process's memory.</summary>
    public abstract void Sent(int targetIndex, in Slice slice);

    /// <summary>Checks a chunk from <c>Sources[sourceIndex]</c> and says where its bytes go.</summary>
    /// <exception cref="ProtocolException">The plan has no such chunk, or it has come already; the text names both.</exception>
    public abstract byte* Expect(int sourceIndex, in Slice slice);

    /// <summary>Takes a chunk that was announced: its bytes are all there.</summary>
    public abstract void Received(int sourceIndex, in Slice slice);

    /// <summary>Checks a chunk as <see cref="Expect"/> does, if its bytes can be taken in from where they lie.</summary>
    /// <returns>False when they have to be copied first; then nothing has happened.</returns>
    public virtual bool TryOpen(int sourceIndex, in Slice slice) => false;

    /// <summary>Takes in a piece of a chunk that was opened; <see cref="Received"/> follows the last piece.</summary>
    /// <param name="sourceIndex">Whose chunk it is.</param>
    /// <param name="slice">The chunk.</param>
    /// <param name="offset">The bytes of the chunk before this piece: a multiple of 64.</param>
    /// <param name="bytes">Where the piece lies; it is only read during the call.</param>
    /// <param name="length">Its length: a multiple of 64, except for the last piece.</param>
    public virtual void Absorb(int sourceIndex, in Slice slice, int offset, byte* bytes, int length) =>
        throw new InvariantException("this transfer opens no chunks");

    /// <summary>Gives back memory that the same transfer may not need the next time.</summary>
    /// <returns>False when there will be no next time: <see cref="TryRestart"/> would fail.</returns>
    internal virtual bool TryRest() => false;

    /// <summary>Begins anew with other memory of the same shape, in the same view; what is left of the last time is forgotten.</summary>
    /// <returns>False when it has to be made anew instead.</returns>
    internal virtual bool TryRestart(in PartMemory part, double weight) => false;

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
