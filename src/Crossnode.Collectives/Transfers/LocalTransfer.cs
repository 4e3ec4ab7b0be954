using Crossnode.Core;
using Crossnode.Core.Errors;

namespace Crossnode.Collectives.Transfers;

/// <summary>An operation of a view with one member: the result is the source, to the bit.</summary>
internal sealed unsafe class LocalTransfer : Transfer
{
    public LocalTransfer(in PartMemory part, double weight)
    {
        if (part.IsReduction)
        {
            TotalWeight = part.Reduce == ReduceOperator.Average ? weight : 1;
            ZeroWeight = TotalWeight == 0;
        }

        if (part.Source != part.Target && !ZeroWeight)
        {
            var bytes = part.Count * part.ElementSize;
            Buffer.MemoryCopy(part.Source, part.Target, bytes, bytes);
        }
    }

    public override IReadOnlyList<int> Sources => [];

    public override IReadOnlyList<int> Targets => [];

    public override bool IsDataComplete => true;

    public override bool AllSent => true;

    public override bool TryGetSend(int targetIndex, out Slice slice, out byte* payload) => throw NoOther();

    public override void Take(int targetIndex) => throw NoOther();

    public override void Sent(int targetIndex, in Slice slice) => throw NoOther();

    public override byte* Expect(int sourceIndex, in Slice slice) => throw NoOther();

    public override void Received(int sourceIndex, in Slice slice) => throw NoOther();

    private static InvariantException NoOther() => new("a transfer with no other member was asked about one");
}
