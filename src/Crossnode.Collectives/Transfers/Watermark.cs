using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>How far a move has come: all chunks below a mark, and a few beyond it that overtook others on another stripe.</summary>
internal struct Watermark
{
    // A link has at most as many chunks under way as stripes, so this list stays short.
    private List<long>? _ahead;

    /// <summary>Chunks below this are done.</summary>
    public long Chunks { get; private set; }

    public readonly bool Has(long chunk) => chunk < Chunks || (_ahead is not null && _ahead.Contains(chunk));

    public void Clear()
    {
        Chunks = 0;
        _ahead?.Clear();
    }

    public void Add(long chunk)
    {
        Invariant.Check(!Has(chunk), "a chunk was taken twice");
        if (chunk != Chunks)
        {
            (_ahead ??= []).Add(chunk);
            return;
        }

        Chunks++;
        while (_ahead is { Count: > 0 } && _ahead.Remove(Chunks))
        {
            Chunks++;
        }
    }
}
