using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.Protocol.Views;

namespace Crossnode.Collectives.Engine;

/// <summary>One called group at this member, from the call to its outcome.</summary>
public sealed unsafe class EngineOperation
{
    private readonly PinnedBuffer[] _sources;
    private readonly PinnedBuffer[] _targets;
    private readonly (nint Address, long Bytes)[] _snapshots;
    private readonly ScratchPool _pool;

    private PlanBook? _book;

    internal EngineOperation(OperationGroup group, OperationOptions options, OperationKit kit, TimeSpan deadline, ScratchPool pool)
    {
        Group = group;
        Options = options;
        Deadline = deadline;
        _pool = pool;
        Kit = kit;
        Weight = Math.Round(group.Weight * WeightScale) / WeightScale;
        _sources = new PinnedBuffer[group.Parts.Count];
        _targets = new PinnedBuffer[group.Parts.Count];
        _snapshots = new (nint, long)[group.Parts.Count];
        try
        {
            for (var index = 0; index < _sources.Length; index++)
            {
                _sources[index] = group.Parts[index].Source.Pin();
                _targets[index] = group.Parts[index].Target.Pin();
                CheckOverlap(index);
                TakeSnapshot(index);
            }
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>Weights are multiples of 2^-32, so that sums of up to 2^20 of them are exact in a double.</summary>
    internal const double WeightScale = 4294967296.0;

    /// <summary>The group as called.</summary>
    public OperationGroup Group { get; }

    /// <summary>The options as called.</summary>
    public OperationOptions Options { get; }

    /// <summary>The number within the tag.</summary>
    public long Sequence { get; internal set; }

    /// <summary>Set once, when the operation is over and no link holds its memory.</summary>
    public OperationOutcome? Outcome { get; private set; }

    /// <summary>Called when <see cref="Outcome"/> has been set.</summary>
    public Action<EngineOperation>? Completed { get; set; }

    internal OperationKit Kit { get; }

    internal OperationDescriptor Descriptor => Kit.Descriptor;

    internal double Weight { get; }

    internal TimeSpan Deadline { get; }

    internal bool IsCondemned { get; set; }

    internal int Attempts { get; private set; }

    internal Transfer[] Transfers { get; private set; } = [];

    internal bool IsStarted { get; private set; }

    internal bool IsDataComplete { get; private set; }

    /// <summary>The ranks whose credit has come.</summary>
    internal List<int> Credits { get; } = [];

    /// <summary>Begins in a view; gives a sentence when it cannot run there.</summary>
    internal string? Start(TopologyContext context)
    {
        StopTransfers();
        Attempts++;
        IsStarted = true;
        var memories = Kit.Memories;
        for (var index = 0; index < memories.Length; index++)
        {
            var error = PartResolution.TryResolve(
                Group.Parts[index], context.View, context.Book.Rank, SourceOf(index), _targets[index].Address, out memories[index]);
            if (error is not null)
            {
                return error;
            }
        }

        _book = context.Book;
        if (Kit.TryRestart(context.Book, Weight) is { } restarted)
        {
            Transfers = restarted;
            return null;
        }

        var picks = new Pick[memories.Length];
        for (var index = 0; index < picks.Length; index++)
        {
            if (!context.Picks.TryPick(memories[index], Options.Algorithm, out picks[index], out var refusal))
            {
                return refusal;
            }
        }

        var transfers = new Transfer[memories.Length];
        for (var index = 0; index < transfers.Length; index++)
        {
            transfers[index] = TransferFactory.Create(
                memories[index], context.Book, picks[index].Algorithm, Weight, picks[index].ChunkBytes, _pool);
        }

        Transfers = transfers;
        return null;
    }

    /// <summary>True once, when every part has all of its result.</summary>
    internal bool BecameDataComplete()
    {
        if (IsDataComplete || !IsStarted)
        {
            return false;
        }

        foreach (var transfer in Transfers)
        {
            // Without a barrier nobody says that the others have all that this member sends.
            if (!transfer.IsDataComplete || (Options.BestEffort && !transfer.AllSent))
            {
                return false;
            }
        }

        IsDataComplete = true;
        return true;
    }

    internal void StopTransfers()
    {
        foreach (var transfer in Transfers)
        {
            transfer.Dispose();
        }

        Transfers = [];
        IsStarted = false;
        IsDataComplete = false;
        Credits.Clear();
    }

    internal void Succeed(View view)
    {
        Invariant.Check(IsDataComplete, "an operation committed before its data was complete");
        var zeroWeight = false;
        foreach (var transfer in Transfers)
        {
            zeroWeight |= transfer.ZeroWeight;
        }

        if (zeroWeight)
        {
            Fail(ErrorKind.ZeroWeight, "the weights of all members are 0, so there is no average; give at least one member a weight", view.Id);
            return;
        }

        var totalWeight = TotalWeight();
        Kit.Keep(Transfers, _book!);
        Transfers = [];
        Finish(
            restore: false,
            new OperationOutcome(OperationStatus.Completed, view.Id, view.Members, totalWeight, Attempts, null)
            {
                Incarnations = view.Incarnations,
                Sequence = Sequence,
            });
    }

    internal void Fail(ErrorKind kind, string text, ViewId view)
    {
        var isOfNoView = kind is ErrorKind.OutcomeUnknown or ErrorKind.Membership && view == ViewId.None;
        var isLeftOpen = Options.BestEffort && Attempts > 0 && kind != ErrorKind.ZeroWeight;
        var status = isOfNoView || isLeftOpen
            ? OperationStatus.Unknown
            : OperationStatus.Aborted;
        Finish(restore: true, new OperationOutcome(status, view, [], 0, Attempts, new OperationException(kind, text))
        {
            Sequence = Sequence,
        });
    }

    /// <summary>Only without rule R5: forgets the snapshots, as a design would that keeps them until data-complete.</summary>
    internal void DropSnapshots()
    {
        for (var index = 0; index < _snapshots.Length; index++)
        {
            if (_snapshots[index].Address != 0)
            {
                _pool.Return(_snapshots[index]);
                _snapshots[index] = default;
            }
        }
    }

    // A sum counts members, an average adds weights up: where a group has both, the divisor is what callers ask for.
    private double TotalWeight()
    {
        var members = 0.0;
        for (var index = 0; index < Transfers.Length; index++)
        {
            if (Group.Parts[index].Reduce == ReduceOperator.Average)
            {
                return Transfers[index].TotalWeight;
            }

            members = Math.Max(members, Transfers[index].TotalWeight);
        }

        return members;
    }

    private byte* SourceOf(int index) =>
        _snapshots[index].Address != 0 ? (byte*)_snapshots[index].Address : _sources[index].Address;

    // In place, the input is kept aside until the commit (R5); the transfer then runs out of place from the snapshot.
    private void TakeSnapshot(int index)
    {
        var part = Group.Parts[index];
        var bytes = part.Source.ByteLength;
        if (bytes == 0 || !part.OverwritesInput || !Overlaps(index))
        {
            return;
        }

        _snapshots[index] = _pool.Rent(bytes);
        Buffer.MemoryCopy(_sources[index].Address, (void*)_snapshots[index].Address, bytes, bytes);
    }

    private bool Overlaps(int index)
    {
        var source = _sources[index].Address;
        var target = _targets[index].Address;
        return source < target + Group.Parts[index].Target.ByteLength && target < source + Group.Parts[index].Source.ByteLength;
    }

    // The same memory, or, where one is a block of the other, that block of it: which one is known only in a view.
    private void CheckOverlap(int index)
    {
        var part = Group.Parts[index];
        var isOfBlocks = part.Source.Count != part.Target.Count;
        if (_sources[index].Address != _targets[index].Address && !isOfBlocks && Overlaps(index))
        {
            throw new ArgumentException($"source and target of part {index} overlap; use the same memory, or memory apart");
        }
    }

    private void Release()
    {
        for (var index = 0; index < _sources.Length; index++)
        {
            _sources[index].Dispose();
            _targets[index].Dispose();
        }

        DropSnapshots();
    }

    private void Finish(bool restore, OperationOutcome outcome)
    {
        StopTransfers();
        for (var index = 0; index < _sources.Length; index++)
        {
            if (restore && _snapshots[index].Address != 0)
            {
                var bytes = Group.Parts[index].Source.ByteLength;
                Buffer.MemoryCopy((void*)_snapshots[index].Address, _sources[index].Address, bytes, bytes);
            }
        }

        Release();
        Outcome = outcome;
        Completed?.Invoke(this);
    }
}

/// <summary>What a view means for transfers.</summary>
internal readonly record struct TopologyContext(View View, PlanBook Book, Picks Picks);
