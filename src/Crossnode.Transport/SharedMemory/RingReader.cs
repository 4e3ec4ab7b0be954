namespace Crossnode.Transport;

/// <summary>The receiving end of one ring. Only one thread uses it, but any thread may ask <see cref="HasBytes"/>.</summary>
/// <remarks>Its own position is kept here, never read back from the shared file; the peer's is checked whenever it is read.</remarks>
internal sealed unsafe class RingReader(SharedRing ring)
{
    // The peer can fill the room of the first piece while the next is copied.
    private const int PieceBytes = 64 * 1024;

    private long _read;
    private long _writtenSeen;

    /// <summary>The peer's position was one that cannot be.</summary>
    public bool IsCorrupt { get; private set; }

    /// <summary>Whether a byte is there, or there is a corrupt position to be told of.</summary>
    public bool HasBytes => Volatile.Read(ref *ring.Written) != Volatile.Read(ref _read);

    /// <summary>All that is there; empty also when the peer's position is corrupt.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        LookAtWriter();
        return new ReadOnlySpan<byte>(ring.Data + (_read & (ring.Bytes - 1)), Seen);
    }

    /// <summary>Copies a piece of what is there and frees its room.</summary>
    /// <returns>Its length; 0 when nothing is there or the peer's position is corrupt.</returns>
    public int ReadPiece(Span<byte> buffer, out bool mustRing)
    {
        var piece = Math.Min(buffer.Length, PieceBytes);
        if (Seen < piece)
        {
            LookAtWriter();
            piece = Math.Min(piece, Seen);
        }

        new ReadOnlySpan<byte>(ring.Data + (_read & (ring.Bytes - 1)), piece).CopyTo(buffer);
        mustRing = piece > 0 && Free(piece);
        return piece;
    }

    /// <summary>Gives the peer room that has been read.</summary>
    /// <returns>Whether the writer sleeps and must be rung for.</returns>
    public bool Free(int bytes)
    {
        Volatile.Write(ref _read, _read + bytes);
        Volatile.Write(ref *ring.Read, _read);
        return WaitFlag.TakeBack(ring.WriterWaits);
    }

    /// <summary>Whether that many bytes were shown by <see cref="Peek"/>.</summary>
    public bool Showed(int bytes) => (uint)bytes <= (uint)Seen;

    private int Seen => (int)(_writtenSeen - _read);

    private void LookAtWriter()
    {
        // Not before what was seen last, and at most a ring's worth unread; one subtraction finds both ends.
        var written = Volatile.Read(ref *ring.Written);
        if ((ulong)(written - _writtenSeen) > (ulong)(ring.Bytes - Seen))
        {
            IsCorrupt = true;
            return;
        }

        _writtenSeen = written;
    }
}
