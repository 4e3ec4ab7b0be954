using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Members;
using Crossnode.Protocol.Wire;

namespace Crossnode.Collectives.Engine;

/// <summary>Where bytes that come on a link go, and what follows once they are there.</summary>
public sealed unsafe partial class CollectiveEngine
{
    // Peers run ahead by a few operations a tag; far more than that is a broken or hostile peer.
    private const int MaxEarlyOperations = 4096;

    private readonly Dictionary<(uint Tag, long Sequence), EarlyOperation> _early = [];
    private readonly EarlyBuffers _earlyBuffers = new();

    /// <summary>Takes a header; gives where its payload goes.</summary>
    /// <returns>Null when the frame has no payload; then it is dealt with already and <see cref="EndFrame"/> is not called.</returns>
    /// <exception cref="ProtocolException">The peer broke the rules: close the link and report it.</exception>
    public byte* BeginFrame(TimeSpan now, int rank, in FrameHeader header)
    {
        _machine.Heard(rank, now);
        switch (header.Type)
        {
            case FrameType.Data:
                return BeginData(now, rank, header);
            case FrameType.Credit:
                OnCredit(now, rank, header);
                return null;
            case FrameType.Token:
                OnToken(now, rank, header);
                return null;
            case FrameType.Frozen:
                LinkFrozen(now, rank);
                return null;
            case FrameType.Heartbeat:
                return null;
            default:
                throw new ProtocolException($"{View!.Members[rank]} sent a {header.Type} frame on a link between members");
        }
    }

    /// <summary>The payload is all there.</summary>
    public void EndFrame(TimeSpan now, int rank, in FrameHeader header)
    {
        var link = _links[rank];
        if (link.Early is { } early)
        {
            link.Early = null;
            EndEarly(now, rank, early);
            return;
        }

        if (!_operations.TryGetValue((header.Tag, header.Sequence), out var operation) || !operation.IsStarted)
        {
            return;
        }

        Received(now, rank, operation, header);
    }

    /// <summary>Takes the header of a data frame whose bytes can be read where the link has them.</summary>
    /// <returns>False when <see cref="BeginFrame"/> has to say where they go; then nothing has happened.</returns>
    /// <exception cref="ProtocolException">The peer broke the rules: close the link and report it.</exception>
    public bool TryBeginDirect(TimeSpan now, int rank, in FrameHeader header)
    {
        if (header.Type != FrameType.Data
            || header.Length == 0
            || !_operations.TryGetValue((header.Tag, header.Sequence), out var operation)
            || !operation.IsStarted
            || Disagreement(rank, operation, header) is not Agreement.Full)
        {
            return false;
        }

        _machine.Heard(rank, now);
        var transfer = TransferOf(rank, operation, header);
        return transfer.TryOpen(SourceIndex(rank, transfer), SliceOf(header));
    }

    /// <summary>Takes in a piece of the payload of a frame that was begun so; <see cref="EndFrame"/> follows the last one.</summary>
    /// <param name="rank">Who sent it.</param>
    /// <param name="header">The frame's header.</param>
    /// <param name="offset">The bytes before the piece: a multiple of 64.</param>
    /// <param name="bytes">Where it lies now.</param>
    /// <param name="length">Its length: a multiple of 64, except for the last piece.</param>
    public void Absorb(int rank, in FrameHeader header, int offset, byte* bytes, int length)
    {
        var transfer = _operations[(header.Tag, header.Sequence)].Transfers[header.Part];
        transfer.Absorb(SourceIndex(rank, transfer), SliceOf(header), offset, bytes, length);
    }

    private byte* BeginData(TimeSpan now, int rank, in FrameHeader header)
    {
        if (!_operations.TryGetValue((header.Tag, header.Sequence), out var operation) || !operation.IsStarted)
        {
            return BeginEarly(rank, header);
        }

        var agreement = Disagreement(rank, operation, header);
        if (agreement != Agreement.Full)
        {
            if (agreement == Agreement.OtherOperation)
            {
                Mismatch(now, rank, operation, header, header.Part);
            }
            else
            {
                CountMismatch(now, rank, operation, header);
            }

            return BeginUnwanted(rank, header);
        }

        var transfer = TransferOf(rank, operation, header);
        var target = transfer.Expect(SourceIndex(rank, transfer), SliceOf(header));
        if (header.Length > 0)
        {
            return target;
        }

        Received(now, rank, operation, header);
        return null;
    }

    // Counts of an uneven all-to-all are between two members, so the operation's hash does not hold them.
    private static Agreement Disagreement(int rank, EngineOperation operation, in FrameHeader header) =>
        header.OperationHash != operation.Descriptor.Hash ? Agreement.OtherOperation
        : header.Part < operation.Group.Parts.Count
            && operation.Group.Parts[header.Part].ReceiveCounts is { } counts && counts[rank] != header.Count ? Agreement.OtherCount
        : Agreement.Full;

    private void CountMismatch(TimeSpan now, int rank, EngineOperation operation, in FrameHeader header) => Condemn(
        now,
        operation,
        ErrorKind.Mismatch,
        $"members disagree on operation {operation.Sequence} of tag {operation.Options.Tag}: {View!.Members[rank]} sends {Self}"
        + $" {header.Count} elements, but {Self} expects {operation.Group.Parts[header.Part].ReceiveCounts![rank]}");

    private byte* BeginEarly(int rank, in FrameHeader header)
    {
        var link = _links[rank];
        if (link.HeldEarly + CostOf(header.Length) > 2 * _options.EagerWindowBytes)
        {
            throw new ProtocolException(
                $"{View!.Members[rank]} sent {link.HeldEarly + CostOf(header.Length)} bytes for operations that were not started here"
                + $" (at most {_options.EagerWindowBytes} may go without a credit)");
        }

        link.HeldEarly += CostOf(header.Length);
        var frame = new EarlyFrame(rank, header, _earlyBuffers.Rent(header.Length));
        if (header.Length == 0)
        {
            EarlyOf(header).Frames.Add(frame);
            return null;
        }

        link.Early = frame;
        return AddressOf(frame);
    }

    // Of an operation that is given up here already: the bytes have to come, and are dropped.
    private byte* BeginUnwanted(int rank, in FrameHeader header)
    {
        if (header.Length == 0)
        {
            return null;
        }

        var frame = new EarlyFrame(rank, header, _earlyBuffers.Rent(header.Length), IsUnwanted: true);
        _links[rank].Early = frame;
        return AddressOf(frame);
    }

    private static byte* AddressOf(EarlyFrame frame) => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(
        ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(frame.Bytes));

    // While the payload came, the operation may have been started (then nobody will replay this frame) or settled.
    private void EndEarly(TimeSpan now, int rank, EarlyFrame frame)
    {
        var header = frame.Header;
        if (frame.IsUnwanted)
        {
            _earlyBuffers.Return(frame.Bytes);
            return;
        }

        if (_operations.TryGetValue((header.Tag, header.Sequence), out var operation) && operation.IsStarted)
        {
            Replay(now, operation, frame);
        }
        else if (_machine.IsSettled(header.Tag, header.Sequence))
        {
            _links[rank].HeldEarly -= CostOf(header.Length);
        }
        else
        {
            EarlyOf(header).Frames.Add(frame);
        }
    }

    private void Received(TimeSpan now, int rank, EngineOperation operation, in FrameHeader header)
    {
        var transfer = operation.Transfers[header.Part];
        transfer.Received(SourceIndex(rank, transfer), SliceOf(header));
        CheckDataComplete(now, operation);
        if (!transfer.AllSent)
        {
            for (var index = 0; index < transfer.Targets.Count; index++)
            {
                _host.WantSend(transfer.Targets[index]);
            }
        }
    }

    private void OnCredit(TimeSpan now, int rank, in FrameHeader header)
    {
        var key = (header.Tag, header.Sequence);
        var link = _links[rank];
        if (link.Charges.Remove(key, out var charged))
        {
            link.Eager -= charged;
            _host.WantSend(rank);
        }

        if (_machine.IsSettled(header.Tag, header.Sequence))
        {
            return;
        }

        if (!_operations.TryGetValue(key, out var operation) || !operation.IsStarted)
        {
            KeepOnce(EarlyOf(header).Credits, rank, header);
            return;
        }

        Credit(now, rank, operation, header);
    }

    private void Credit(TimeSpan now, int rank, EngineOperation operation, in FrameHeader header)
    {
        if (header.OperationHash != operation.Descriptor.Hash)
        {
            Mismatch(now, rank, operation, header, header.Part);
            return;
        }

        operation.Credits.Add(rank);
        _host.WantSend(rank);
    }

    private void OnToken(TimeSpan now, int rank, in FrameHeader header)
    {
        if (!View!.Barrier.IsExpected(Rank, rank, header.Step))
        {
            throw new ProtocolException($"{View.Members[rank]} sent a barrier token of round {header.Step}, which is not its turn");
        }

        if (_machine.IsSettled(header.Tag, header.Sequence))
        {
            return;
        }

        if (!_operations.TryGetValue((header.Tag, header.Sequence), out var operation) || !operation.IsStarted)
        {
            KeepOnce(EarlyOf(header).Tokens, rank, header);
            return;
        }

        Token(now, rank, operation, header);
    }

    // A member for which an operation moves no data says only here what it called.
    private void Token(TimeSpan now, int rank, EngineOperation operation, in FrameHeader header)
    {
        if (header.OperationHash != operation.Descriptor.Hash)
        {
            Mismatch(now, rank, operation, header, header.Part);
            return;
        }

        Step(now, new MemberEvent(MemberEventKind.Token, rank, header.Tag, header.Sequence, header.Step));
    }

    private void KeepOnce(List<(int Rank, FrameHeader Header)> kept, int rank, in FrameHeader header)
    {
        foreach (var (from, frame) in kept)
        {
            if (from == rank && frame.Step == header.Step)
            {
                throw new ProtocolException(
                    $"{View!.Members[rank]} sent the {header.Type} of operation {header.Sequence} of tag {header.Tag} twice");
            }
        }

        kept.Add((rank, header));
    }

    private void Mismatch(TimeSpan now, int rank, EngineOperation operation, in FrameHeader header, int parts)
    {
        var theirs = OperationDescriptor.Describe(header, header.Type == FrameType.Data ? 1 : parts);
        var same = theirs == operation.Descriptor.Text ? " (the sizes of their parts or their modes differ)" : "";
        Condemn(
            now,
            operation,
            ErrorKind.Mismatch,
            $"members disagree on operation {operation.Sequence} of tag {operation.Options.Tag}: {Self} called"
            + $" {operation.Descriptor.Text}, {View!.Members[rank]} called {theirs}{same};"
            + " call the same operations in the same order on every member");
    }

    private void Replay(TimeSpan now, EngineOperation operation, EarlyOperation early)
    {
        foreach (var (rank, header) in early.Credits)
        {
            Credit(now, rank, operation, header);
        }

        foreach (var frame in early.Frames)
        {
            if (!operation.IsStarted)
            {
                return;
            }

            try
            {
                Replay(now, operation, frame);
            }
            catch (ProtocolException broken)
            {
                // Whoever called the operation, or whose bytes let it start, is not who broke the rules.
                _host.CloseLink(frame.Rank);
                LinkDown(now, frame.Rank, broken.Message);
            }
        }

        foreach (var (rank, header) in early.Tokens)
        {
            if (operation.IsStarted)
            {
                Token(now, rank, operation, header);
            }
        }
    }

    private void Replay(TimeSpan now, EngineOperation operation, EarlyFrame frame)
    {
        var link = _links[frame.Rank];
        link.HeldEarly -= CostOf(frame.Header.Length);
        var coming = link.Early;
        link.Early = null;
        var target = BeginData(now, frame.Rank, frame.Header);
        if (target is not null && link.Early is null)
        {
            frame.Bytes.AsSpan(0, frame.Header.Length).CopyTo(new Span<byte>(target, frame.Header.Length));
            Received(now, frame.Rank, operation, frame.Header);
        }

        // Else a mismatch: the operation is condemned, the bytes are of no use.
        link.Early = coming;
        _earlyBuffers.Return(frame.Bytes);
    }

    /// <summary>Tags of operations that others have begun, and this process has not.</summary>
    public IReadOnlyList<uint> AwaitedTags => [.. _early.Keys.Select(key => key.Tag).Distinct()];

    private EarlyOperation EarlyOf(in FrameHeader header)
    {
        var key = (header.Tag, header.Sequence);
        if (!_early.TryGetValue(key, out var early))
        {
            if (_early.Count >= MaxEarlyOperations)
            {
                throw new ProtocolException($"frames of {MaxEarlyOperations} operations that were not started here are waiting");
            }

            early = new EarlyOperation();
            _early.Add(key, early);
        }

        return early;
    }

    private Transfer TransferOf(int rank, EngineOperation operation, in FrameHeader header)
    {
        if (header.Part >= operation.Transfers.Length)
        {
            throw new ProtocolException(
                $"{View!.Members[rank]} sent part {header.Part} of an operation of {operation.Transfers.Length} parts");
        }

        return operation.Transfers[header.Part];
    }

    private int SourceIndex(int rank, Transfer transfer)
    {
        var index = IndexOf(transfer.Sources, rank);
        return index >= 0 ? index : throw new ProtocolException($"{View!.Members[rank]} sent data that it has no part in");
    }

    private static Slice SliceOf(in FrameHeader header) => new(header.Step, header.Offset, header.Length, header.WeightSum);

    private enum Agreement
    {
        Full,
        OtherOperation,
        OtherCount,
    }

    /// <summary>A data frame that came before its operation was started here.</summary>
    private sealed record EarlyFrame(int Rank, FrameHeader Header, byte[] Bytes, bool IsUnwanted = false);

    private sealed class EarlyOperation
    {
        public List<(int Rank, FrameHeader Header)> Credits { get; } = [];

        public List<EarlyFrame> Frames { get; } = [];

        public List<(int Rank, FrameHeader Header)> Tokens { get; } = [];
    }
}
