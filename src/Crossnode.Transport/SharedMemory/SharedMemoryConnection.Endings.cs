using System.Globalization;

namespace Crossnode.Transport;

// How it ends, and how the other end's end is told: in order, broken off, gone, or against the rules.
internal sealed unsafe partial class SharedMemoryConnection
{
    private int PeerEnd => Volatile.Read(ref *_incomingRing.WriterEnd);

    private bool HasPeerEnded => PeerEnd != SharedMemoryLayout.Open || _bell.HasHungUp;

    public override void Abort() => End(SharedMemoryLayout.BrokenOff);

    public override void Dispose() => End(Failure is null ? SharedMemoryLayout.EndedInOrder : SharedMemoryLayout.BrokenOff);

    private IoStatus WhenFull()
    {
        if (_outgoing.IsCorrupt)
        {
            return FailSend(CorruptPosition);
        }

        if (IsTimeToLook())
        {
            _bell.Look();
        }

        return HasPeerEnded && IsSendOver() ? IoStatus.Failed : IoStatus.WouldBlock;
    }

    private IoStatus WhenEmpty(int peerEnd)
    {
        if (_incoming.IsCorrupt)
        {
            return FailReceive(CorruptPosition);
        }

        if (peerEnd == SharedMemoryLayout.Open)
        {
            if (_sendFailed)
            {
                return FailReceive(Failure!);
            }

            if (!_bell.HasHungUp && IsTimeToLook())
            {
                _bell.Look();
            }

            if (!_bell.HasHungUp)
            {
                return IoStatus.WouldBlock;
            }

            // Nothing is written any more: what the look at memory has missed is seen by another one.
            peerEnd = PeerEnd;
            if (_incoming.HasBytes)
            {
                return IoStatus.WouldBlock;
            }
        }

        if (peerEnd == SharedMemoryLayout.EndedInOrder)
        {
            _receiveEnd = IoStatus.Closed;
            return IoStatus.Closed;
        }

        return FailReceive(PeerBroke(peerEnd));
    }

    // The peer's end has been noticed: whether that is an error for who sends.
    private bool IsSendOver()
    {
        var peerEnd = PeerEnd;
        if (peerEnd != SharedMemoryLayout.EndedInOrder)
        {
            FailSend(PeerBroke(peerEnd));
        }
        else if (_receiveEnd is not null)
        {
            FailSend($"connection closed by {Remote}");
        }

        return _sendFailed;
    }

    private bool IsTimeToLook() => ++_emptyLooks % LooksPerSystemCall == 0;

    private string CorruptPosition => $"{_peer} broke the rules of shared memory: it wrote a position that cannot be";

    private string PeerBroke(int peerEnd) => peerEnd switch
    {
        SharedMemoryLayout.Open => $"the process at the other end ({_peer}) is gone",
        SharedMemoryLayout.BrokenOff => $"connection reset by {Remote}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{_peer} broke the rules of shared memory: it ended with {peerEnd}"),
    };

    private IoStatus FailSend(string why)
    {
        _sendFailed = true;
        Failure ??= why;
        return IoStatus.Failed;
    }

    private IoStatus FailReceive(string why)
    {
        _receiveEnd = IoStatus.Failed;
        return FailSend(why);
    }

    private void End(int how)
    {
        if (_isDisposed)
        {
            return;
        }

        // The reason is in memory before the socket says that there is one.
        _isDisposed = true;
        Volatile.Write(ref *_outgoingRing.WriterEnd, how);
        _bell.Dispose();
        _map.Dispose();
    }
}
