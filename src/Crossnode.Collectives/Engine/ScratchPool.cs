using System.Runtime.InteropServices;

namespace Crossnode.Collectives.Engine;

/// <summary>Keeps the memory of a few snapshots, since fresh pages of a large block cost more than copying into it.</summary>
internal sealed unsafe class ScratchPool : IDisposable
{
    // Four blocks: the tags in flight at once in training, one large snapshot each.
    private const int MaxKept = 4;

    private readonly List<(nint Address, long Bytes)> _kept = [];

    /// <summary>Rents at least that many bytes.</summary>
    public (nint Address, long Bytes) Rent(long bytes)
    {
        var best = -1;
        for (var index = 0; index < _kept.Count; index++)
        {
            var fits = _kept[index].Bytes >= bytes && _kept[index].Bytes <= Math.Max(2 * bytes, 1 << 16);
            if (fits && (best < 0 || _kept[index].Bytes < _kept[best].Bytes))
            {
                best = index;
            }
        }

        if (best >= 0)
        {
            var block = _kept[best];
            _kept.RemoveAt(best);
            return block;
        }

        return ((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), 64), Math.Max(bytes, 64));
    }

    /// <summary>Takes a block back; the oldest goes when too many are kept.</summary>
    public void Return((nint Address, long Bytes) block)
    {
        _kept.Add(block);
        if (_kept.Count > MaxKept)
        {
            NativeMemory.AlignedFree((void*)_kept[0].Address);
            _kept.RemoveAt(0);
        }
    }

    public void Dispose()
    {
        foreach (var (address, _) in _kept)
        {
            NativeMemory.AlignedFree((void*)address);
        }

        _kept.Clear();
    }
}
