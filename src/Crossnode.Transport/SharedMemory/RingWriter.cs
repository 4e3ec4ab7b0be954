namespace Crossnode.Transport;

/// <summary>The sending end of one ring. Only one thread uses it, but any thread may ask <see cref="HasRoom"/>.</summary>
/// <remarks>Its own position is kept here, never read back from the shared file; the peer's is checked whenever it is read.</remarks>
internal sealed unsafe class RingWriter(SharedRing ring)
{
    // The peer can start on the first piece of a large block while the next is copied.
    private const int PieceBytes = 64 * 1024;

    private long _written;
    private long _readSeen;

    /// <summary>The peer's position was one that cannot be.</summary>
    public bool IsCorrupt { get; private set; }

    /// <summary>Whether at least one byte fits, or there is a corrupt position to be told of.</summary>
    public bool HasRoom => Volatile.Read(ref _written) - Volatile.Read(ref *ring.Read) != ring.Bytes;

    /// <summary>The whole ring, for bytes that nobody will read.</summary>
    public Span<byte> Scratch => new(ring.Data, ring.Bytes);

    /// <summary>What can be written in place; empty when the ring is full or the peer's position is corrupt.</summary>
    public Span<byte> Room()
    {
        LookAtReader();
        return IsCorrupt ? [] : new Span<byte>(ring.Data + (_written & (ring.Bytes - 1)), Free);
    }

    /// <summary>Copies a piece of what is to be sent and publishes it.</summary>
    /// <returns>Its length; 0 when nothing fits or the peer's position is corrupt.</returns>
    public int WritePiece(ReadOnlySpan<byte> bytes, out bool mustRing)
    {
        var piece = Math.Min(bytes.Length, PieceBytes);
        if (Free < piece)
        {
            LookAtReader();
            piece = IsCorrupt ? 0 : Math.Min(piece, Free);
        }

        bytes[..piece].CopyTo(new Span<byte>(ring.Data + (_written & (ring.Bytes - 1)), piece));
        mustRing = piece > 0 && Publish(piece);
        return piece;
    }

    /// <summary>Shows the peer bytes that were written in place.</summary>
    /// <returns>Whether the reader sleeps and must be rung for.</returns>
    public bool Publish(int bytes)
    {
        Volatile.Write(ref _written, _written + bytes);
        Volatile.Write(ref *ring.Written, _written);
        return WaitFlag.TakeBack(ring.ReaderWaits);
    }

    /// <summary>Whether that many bytes were offered by <see cref="Room"/>.</summary>
    public bool Offered(int bytes) => (uint)bytes <= (uint)Free;

    private int Free => ring.Bytes - (int)(_written - _readSeen);

    private void LookAtReader()
    {
        // Between what was seen last and what was written; one subtraction finds both ends.
        var read = Volatile.Read(ref *ring.Read);
        if ((ulong)(read - _readSeen) > (ulong)(_written - _readSeen))
        {
            IsCorrupt = true;
            return;
        }

        _readSeen = read;
    }
}
