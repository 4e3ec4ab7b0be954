namespace Crossnode.Transport;

// How a poller sleeps on it, perhaps while another thread uses or disposes it.
internal sealed unsafe partial class SharedMemoryConnection
{
    bool IDoorbellOwner.TryArm(bool read, bool write)
    {
        lock (_bell.Gate)
        {
            if (!TryHoldMap())
            {
                return false;
            }

            _bell.AddSleeper();
            if (read)
            {
                WaitFlag.Set(_incomingRing.ReaderWaits);
            }

            if (write)
            {
                WaitFlag.Set(_outgoingRing.WriterWaits);
            }

            return true;
        }
    }

    void IDoorbellOwner.Disarm()
    {
        lock (_bell.Gate)
        {
            if (_bell.RemoveSleeper())
            {
                WaitFlag.Clear(_incomingRing.ReaderWaits);
                WaitFlag.Clear(_outgoingRing.WriterWaits);
            }

            _map.DangerousRelease();
        }
    }

    void IDoorbellOwner.Answer() => _bell.Answer();

    bool IDoorbellOwner.IsReady(bool read, bool write) => _isDisposed || _sendFailed || HasPeerEnded
        || (read && (_receiveEnd is not null || _incoming.HasBytes))
        || (write && _outgoing.HasRoom);

    // Pages must not be unmapped under a thread that sleeps while another one disposes the connection.
    private bool TryHoldMap()
    {
        var isHeld = false;
        try
        {
            if (!_isDisposed)
            {
                _map.DangerousAddRef(ref isHeld);
            }
        }
        catch (ObjectDisposedException)
        {
            // Disposed between the look and the call.
        }

        return isHeld;
    }
}
