using Crossnode.Collectives.Engine;
using Crossnode.Collectives.Links;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Sessions;

/// <summary>An open link to one member of the installed view: moves frames between the engine and a connection.</summary>
internal sealed unsafe class PeerLink(int rank, FrameConnection frames) : IDisposable
{
    private FrameHeader _sending;
    private bool _isSending;
    private FrameHeader _receiving;
    private bool _isDirect;
    private int _absorbed;
    private bool _disposed;

    public int Rank { get; } = rank;

    public FrameConnection Frames { get; } = frames;

    public bool WantsSend { get; set; } = true;

    /// <summary>Moves what can move. False when the link is over; then <paramref name="failure"/> says why.</summary>
    public bool Drive(TimeSpan now, CollectiveEngine engine, out bool moved, out string? failure)
    {
        failure = null;
        moved = false;
        try
        {
            if ((WantsSend || Frames.HasPending) && !Send(now, engine, ref moved))
            {
                // The peer may have said why before it broke off; what it sent is still read below.
                WantsSend = false;
            }

            if (!_disposed && !Receive(now, engine, ref moved, out failure))
            {
                return false;
            }
        }
        catch (ProtocolException broken)
        {
            failure = broken.Message;
            return false;
        }

        return true;
    }

    /// <summary>Queues FROZEN as the last frame and frees all borrowed memory.</summary>
    /// <returns>Whether all went out; else the connection has to be flushed before it is closed.</returns>
    public bool Freeze(CollectiveEngine engine)
    {
        Frames.DetachPayloads();
        Frames.QueueFrame(new FrameHeader { Type = FrameType.Frozen }, null);
        var status = Frames.Flush(out _);
        engine.CountWire(CollectiveEngine.OverheadTag, FrameHeader.Size);
        return status != FrameStatus.WouldBlock;
    }

    public void Dispose()
    {
        _disposed = true;
        Frames.DetachPayloads();
        Frames.Dispose();
    }

    private bool Send(TimeSpan now, CollectiveEngine engine, ref bool moved)
    {
        while (true)
        {
            while (Frames.CanQueue && !_isSending)
            {
                if (!engine.TryNextFrame(Rank, out var header, out var payload))
                {
                    WantsSend = false;
                    break;
                }

                engine.CountWire(TagOf(header), FrameHeader.Size + header.Length);
                if (Frames.QueueFrame(header, payload))
                {
                    engine.FrameSent(now, Rank, header);
                }
                else
                {
                    _sending = header;
                    _isSending = true;
                }
            }

            if (!Frames.HasPending)
            {
                return true;
            }

            var status = Frames.Flush(out var flushed);
            moved |= flushed;
            if (status == FrameStatus.WouldBlock)
            {
                return true;
            }

            if (status != FrameStatus.Ready)
            {
                return false;
            }

            if (_isSending)
            {
                _isSending = false;
                engine.FrameSent(now, Rank, _sending);
                WantsSend = true;
            }
        }
    }

    private bool Receive(TimeSpan now, CollectiveEngine engine, ref bool moved, out string? failure)
    {
        failure = null;
        var epoch = engine.View!.Id;
        while (true)
        {
            FrameStatus status;
            bool got;
            if (Frames.IsReceivingPayload && _isDirect)
            {
                status = Absorb(now, engine, out got);
                moved |= got;
            }
            else if (Frames.IsReceivingPayload)
            {
                status = Frames.ReceivePayload(out got);
                moved |= got;
                if (status == FrameStatus.Ready)
                {
                    engine.EndFrame(now, Rank, _receiving);
                }
                else if (got)
                {
                    engine.Heard(Rank, now);
                }
            }
            else
            {
                status = Frames.TryReadHeader(out var header, out got);
                moved |= got;
                if (status == FrameStatus.Ready)
                {
                    Begin(now, engine, header);
                    if (header.Type == FrameType.Frozen)
                    {
                        return true;
                    }
                }
            }

            // A frame may have let this member commit, freeze or install: then the link is no longer ours to read.
            if (_disposed || engine.View!.Id != epoch || engine.IsFrozen)
            {
                return true;
            }

            if (status == FrameStatus.WouldBlock)
            {
                return true;
            }

            if (status is FrameStatus.Closed or FrameStatus.Failed)
            {
                failure = Frames.Failure;
                return false;
            }

            // Through memory: a piece in, a piece out.
            if (_isDirect && got && Frames.HasPending)
            {
                return true;
            }

            // Large payloads: let sends take their turn after every frame, so that both directions move.
            if (!Frames.IsReceivingPayload && _receiving.Length > FrameConnection.SmallPayload)
            {
                _receiving = default;
                return true;
            }
        }
    }

    private FrameStatus Absorb(TimeSpan now, CollectiveEngine engine, out bool got)
    {
        var status = Frames.TryPeekPayload(out var piece);
        got = status == FrameStatus.Ready;
        if (!got)
        {
            return status;
        }

        fixed (byte* bytes = piece)
        {
            engine.Absorb(Rank, _receiving, _absorbed, bytes, piece.Length);
        }

        _absorbed += piece.Length;
        Frames.ConsumePayload(piece.Length);
        if (!Frames.IsReceivingPayload)
        {
            engine.EndFrame(now, Rank, _receiving);
        }

        return status;
    }

    private static uint TagOf(in FrameHeader header) =>
        header.Type is FrameType.Data or FrameType.Credit or FrameType.Token ? header.Tag : CollectiveEngine.OverheadTag;

    private void Begin(TimeSpan now, CollectiveEngine engine, in FrameHeader header)
    {
        engine.CountReceived(TagOf(header), FrameHeader.Size + header.Length);
        _isDirect = Frames.HasDirectReads && engine.TryBeginDirect(now, Rank, header);
        if (_isDirect)
        {
            _receiving = header;
            _absorbed = 0;
            Frames.BeginDirectPayload(header.Length);
            return;
        }

        var target = engine.BeginFrame(now, Rank, header);
        if (target is null)
        {
            return;
        }

        _receiving = header;
        Frames.BeginPayload(target, header.Length);
        if (!Frames.IsReceivingPayload)
        {
            engine.EndFrame(now, Rank, header);
        }
    }
}
