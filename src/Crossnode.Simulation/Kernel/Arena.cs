using System.Runtime.InteropServices;

namespace Crossnode.Simulation.Kernel;

/// <summary>The memory of all buffers of a schedule, freed at its end and not before.</summary>
/// <remarks>
/// With a rule switched off a link may write to the memory of an operation that is over. That must show as a wrong
/// number, not as a crash.
/// </remarks>
internal sealed unsafe class Arena : IDisposable
{
    private const int BlockBytes = 256 << 10;

    private readonly List<nint> _blocks = [];
    private int _block = -1;
    private int _used = BlockBytes;

    public byte* Take(int bytes)
    {
        var rounded = Math.Max(64, (bytes + 63) & ~63);
        if (_used + rounded > BlockBytes)
        {
            _block++;
            _used = 0;
            if (_block == _blocks.Count)
            {
                _blocks.Add((nint)NativeMemory.AlignedAlloc(BlockBytes, 64));
            }
        }

        var address = (byte*)_blocks[_block] + _used;
        _used += rounded;
        return address;
    }

    /// <summary>Makes everything free again.</summary>
    public void Reset()
    {
        _block = -1;
        _used = BlockBytes;
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
        {
            NativeMemory.AlignedFree((void*)block);
        }

        _blocks.Clear();
    }
}
