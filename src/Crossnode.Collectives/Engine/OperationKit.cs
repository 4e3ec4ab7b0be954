using Crossnode.Collectives.Plans;
using Crossnode.Collectives.Transfers;

namespace Crossnode.Collectives.Engine;

/// <summary>What an operation needs besides its memory; the next one of the same shape uses it again.</summary>
/// <remarks>A small operation costs less than working out once more what it is.</remarks>
internal sealed class OperationKit
{
    private readonly OperationPart[] _parts;
    private readonly OperationOptions _options;
    private readonly PartMemory[] _memories;
    private Transfer[]? _idle;
    private PlanBook? _book;

    public OperationKit(OperationGroup group, OperationOptions options)
    {
        _parts = [.. group.Parts];
        _options = options;
        _memories = new PartMemory[_parts.Length];
        Descriptor = OperationDescriptor.Of(group, options);
    }

    public OperationDescriptor Descriptor { get; }

    /// <summary>Room for the parts' memory while an operation starts.</summary>
    public PartMemory[] Memories => _memories;

    /// <summary>Whether an operation is of this shape, whatever its memory.</summary>
    public bool Fits(OperationGroup group, OperationOptions options)
    {
        if (group.Parts.Count != _parts.Length
            || options.OnViewChange != _options.OnViewChange
            || options.BestEffort != _options.BestEffort
            || options.Algorithm != _options.Algorithm)
        {
            return false;
        }

        for (var index = 0; index < _parts.Length; index++)
        {
            if (!IsSameShape(group.Parts[index], _parts[index]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Starts the transfers of the last operation with the memory of this one; null where they have to be made anew.</summary>
    public Transfer[]? TryRestart(PlanBook book, double weight)
    {
        var idle = _idle;
        _idle = null;
        if (idle is null || _book != book)
        {
            Drop(idle);
            return null;
        }

        for (var index = 0; index < idle.Length; index++)
        {
            if (!idle[index].TryRestart(_memories[index], weight))
            {
                Drop(idle);
                return null;
            }
        }

        return idle;
    }

    /// <summary>Keeps the transfers of an operation that is over.</summary>
    public void Keep(Transfer[] transfers, PlanBook book)
    {
        Drop(_idle);
        _idle = transfers;
        _book = book;
        foreach (var transfer in transfers)
        {
            if (!transfer.TryRest())
            {
                Clear();
                return;
            }
        }
    }

    /// <summary>Frees what is kept.</summary>
    public void Clear()
    {
        Drop(_idle);
        _idle = null;
    }

    private static void Drop(Transfer[]? transfers)
    {
        foreach (var transfer in transfers ?? [])
        {
            transfer.Dispose();
        }
    }

    private static bool IsSameShape(in OperationPart a, in OperationPart b) =>
        a.Kind == b.Kind && a.Type == b.Type && a.Reduce == b.Reduce && a.Codec == b.Codec && a.Count == b.Count
        && a.Root == b.Root && a.Receiver == b.Receiver && a.Source.Count == b.Source.Count && a.Target.Count == b.Target.Count
        && ReferenceEquals(a.Counts, b.Counts) && ReferenceEquals(a.ReceiveCounts, b.ReceiveCounts);
}
