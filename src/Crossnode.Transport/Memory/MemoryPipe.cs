using System.Numerics;

namespace Crossnode.Transport;

/// <summary>One direction: a ring with one writer and one reader, which may be two threads, without locks.</summary>
/// <remarks>Both positions only grow; their difference is what is in the ring.</remarks>
internal sealed class MemoryPipe(int capacityBytes)
{
    private readonly byte[] _ring = new byte[(int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacityBytes, 1))];
    private long _written;
    private long _read;
    private volatile bool _isEnded;
    private volatile bool _isReaderGone;
    private volatile bool _isBroken;
    private volatile bool _isCut;

    public bool IsBroken => _isBroken && !_isCut;

    public bool IsReaderGone => _isReaderGone && !_isCut;

    public bool CanRead => !_isCut && (_isEnded || _isBroken || Volatile.Read(ref _written) != _read);

    public bool CanWrite => IsBroken || IsReaderGone || _written - Volatile.Read(ref _read) < _ring.Length;

    public void End() => _isEnded = true;

    public void LeaveReader() => _isReaderGone = true;

    public void Break() => _isBroken = true;

    public void SetCut(bool isCut) => _isCut = isCut;

    public int Write(ReadOnlySpan<byte> bytes)
    {
        var free = _ring.Length - (int)(_written - Volatile.Read(ref _read));
        var count = Math.Min(free, bytes.Length);
        if (count > 0)
        {
            var start = (int)(_written & (_ring.Length - 1));
            var first = Math.Min(count, _ring.Length - start);
            bytes[..first].CopyTo(_ring.AsSpan(start));
            bytes[first..count].CopyTo(_ring);
            Volatile.Write(ref _written, _written + count);
        }

        return count;
    }

    public IoStatus Read(Span<byte> buffer, out int count)
    {
        // The end is looked at before the position: what was written before the end is then seen too.
        var (isCut, isBroken, isEnded) = (_isCut, _isBroken, _isEnded);
        count = 0;
        if (isCut)
        {
            return IoStatus.WouldBlock;
        }

        count = (int)Math.Min(Volatile.Read(ref _written) - _read, buffer.Length);
        if (count == 0)
        {
            return isBroken ? IoStatus.Failed : isEnded ? IoStatus.Closed : IoStatus.WouldBlock;
        }

        var start = (int)(_read & (_ring.Length - 1));
        var first = Math.Min(count, _ring.Length - start);
        _ring.AsSpan(start, first).CopyTo(buffer);
        _ring.AsSpan(0, count - first).CopyTo(buffer[first..]);
        Volatile.Write(ref _read, _read + count);
        return IoStatus.Done;
    }
}
