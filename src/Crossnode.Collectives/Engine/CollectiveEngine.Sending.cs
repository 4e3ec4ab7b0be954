using Crossnode.Core;
using Crossnode.Protocol;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Engine;

/// <summary>What goes next on a link: small frames first, then data of the started operations in turn.</summary>
public sealed unsafe partial class CollectiveEngine
{
    /// <summary>Gives the next frame for a rank, if there is one; call <see cref="FrameSent"/> when its payload was taken.</summary>
    /// <param name="rank">The peer.</param>
    /// <param name="header">The header; its length says how many bytes follow.</param>
    /// <param name="payload">The caller's memory; valid until the frame is sent, the link is closed or the view is frozen.</param>
    public bool TryNextFrame(int rank, out FrameHeader header, out byte* payload)
    {
        var link = _links[rank];
        payload = null;
        if (link.Small.TryDequeue(out header))
        {
            return true;
        }

        for (var index = 0; index < _started.Count; index++)
        {
            var operation = _started[(link.Turn + index) % _started.Count];
            if (TryNextData(link, rank, operation, out header, out payload))
            {
                link.Turn = (link.Turn + index + 1) % _started.Count;
                return true;
            }
        }

        return false;
    }

    /// <summary>The frame that <see cref="TryNextFrame"/> gave is with the network; its memory is free again.</summary>
    public void FrameSent(TimeSpan now, int rank, in FrameHeader header)
    {
        var link = _links[rank];
        if (header.Type != FrameType.Data || link.Sending is not { } sending)
        {
            return;
        }

        link.Sending = null;
        if (sending.Operation.Transfers.Length > sending.Part)
        {
            var transfer = sending.Operation.Transfers[sending.Part];
            transfer.Sent(sending.Target, SliceOf(header));
            if (!sending.Operation.IsDataComplete)
            {
                // What had come too early may have had its turn now.
                CheckDataComplete(now, sending.Operation);
                WantSends(sending.Operation);
            }
        }

        var counters = Traffic.GetValueOrDefault(header.Tag);
        Traffic[header.Tag] = counters with { PayloadBytes = counters.PayloadBytes + header.Length };
    }

    /// <summary>The tag under which bytes are counted that belong to no operation: preambles, signs of life, control.</summary>
    public const uint OverheadTag = uint.MaxValue;

    /// <summary>Adds bytes that were handed to sockets, headers included.</summary>
    public void CountWire(uint tag, long bytes)
    {
        var counters = Traffic.GetValueOrDefault(tag);
        Traffic[tag] = counters with { WireBytes = counters.WireBytes + bytes };
    }

    /// <summary>Adds bytes that came on a link, headers included.</summary>
    public void CountReceived(uint tag, long bytes)
    {
        var counters = Traffic.GetValueOrDefault(tag);
        Traffic[tag] = counters with { ReceivedBytes = counters.ReceivedBytes + bytes };
    }

    private bool TryNextData(LinkTraffic link, int rank, EngineOperation operation, out FrameHeader header, out byte* payload)
    {
        header = default;
        payload = null;
        var credited = operation.Credits.Contains(rank) || !Has(ProtocolRules.R17);
        for (var part = 0; part < operation.Transfers.Length; part++)
        {
            var transfer = operation.Transfers[part];
            if (transfer.AllSent)
            {
                continue;
            }

            var target = IndexOf(transfer.Targets, rank);
            if (target < 0 || !transfer.TryGetSend(target, out var slice, out payload))
            {
                continue;
            }

            if (!credited && !TryCharge(link, operation, slice.Length))
            {
                return false;
            }

            transfer.Take(target);
            var called = operation.Group.Parts[part];
            header = operation.Descriptor.Fields with
            {
                Type = FrameType.Data,
                Kind = called.Kind,
                Element = called.Type,
                Reduce = called.Reduce,
                Codec = (byte)called.Codec,
                Root = called.Root.Value,
                Part = (ushort)part,
                Tag = operation.Options.Tag,
                Sequence = operation.Sequence,
                Step = slice.Step,
                Count = called.ReceiveCounts is null ? called.Count : called.Counts![rank],
                Offset = slice.Chunk,
                Length = slice.Length,
                WeightSum = slice.WeightSum,
            };
            link.Sending = (operation, part, target);
            return true;
        }

        return false;
    }

    // Small data may go before the receiver's credit, within the window for which the receiver holds buffers (R17).
    private bool TryCharge(LinkTraffic link, EngineOperation operation, int length)
    {
        var cost = CostOf(length);
        if (length > _options.EagerBytes || link.Eager + cost > _options.EagerWindowBytes)
        {
            return false;
        }

        link.Eager += cost;
        var key = (operation.Options.Tag, operation.Sequence);
        link.Charges[key] = link.Charges.GetValueOrDefault(key) + cost;
        return true;
    }

    // Headers are held, too: without them a window would hold any number of empty pieces.
    private static int CostOf(int length) => FrameHeader.Size + length;

    private void SendCredits(EngineOperation operation)
    {
        var header = operation.Descriptor.Fields with { Tag = operation.Options.Tag, Sequence = operation.Sequence };
        for (var rank = 0; rank < _links.Length; rank++)
        {
            foreach (var transfer in operation.Transfers)
            {
                if (IndexOf(transfer.Sources, rank) >= 0)
                {
                    Enqueue(rank, header);
                    break;
                }
            }
        }
    }

    private void WantSends(EngineOperation operation)
    {
        foreach (var transfer in operation.Transfers)
        {
            for (var index = 0; index < transfer.Targets.Count; index++)
            {
                _host.WantSend(transfer.Targets[index]);
            }
        }
    }

    private void Enqueue(int rank, in FrameHeader header)
    {
        _links[rank].Small.Enqueue(header);
        _host.WantSend(rank);
    }

    private static int IndexOf(IReadOnlyList<int> ranks, int rank)
    {
        for (var index = 0; index < ranks.Count; index++)
        {
            if (ranks[index] == rank)
            {
                return index;
            }
        }

        return -1;
    }

    /// <summary>The engine's view of one link.</summary>
    private sealed class LinkTraffic
    {
        /// <summary>Frames without a payload: credits, tokens, heartbeats.</summary>
        public Queue<FrameHeader> Small { get; } = new();

        /// <summary>Where the search for data goes on, so that operations share the link fairly.</summary>
        public int Turn { get; set; }

        /// <summary>The data frame that the host is sending.</summary>
        public (EngineOperation Operation, int Part, int Target)? Sending { get; set; }

        /// <summary>Uncredited bytes that this member has sent.</summary>
        public int Eager { get; set; }

        /// <summary>The same by operation, so that a credit frees them.</summary>
        public Dictionary<(uint Tag, long Sequence), int> Charges { get; } = [];

        /// <summary>Uncredited bytes that this member holds for operations that it has not started.</summary>
        public int HeldEarly { get; set; }

        /// <summary>Where the payload that is coming goes.</summary>
        public EarlyFrame? Early { get; set; }
    }
}
