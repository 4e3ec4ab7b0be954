using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.Core.Errors;
using Crossnode.TorchSharp.Joining;
using Crossnode.TorchSharp.Layout;
using Crossnode.Training.Buffers;
using Crossnode.Training.Joining;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.State;

/// <summary>Makes all members start from the first one's parameters and buffers.</summary>
internal static class InitialState
{
    /// <param name="communicator">The run.</param>
    /// <param name="tensors">The module.</param>
    /// <param name="groups">Its trainable parameters.</param>
    /// <param name="run">Runs an operation at this place of the loop; the first of an attempt is a beginning.</param>
    /// <returns>The participants that have the same state now, on which all of them agree.</returns>
    public static IReadOnlyList<Participant> Broadcast(
        ICommunicator communicator,
        ModuleTensors tensors,
        IReadOnlyList<FlatGroup> groups,
        Func<OperationGroup, OperationPurpose, OperationOutcome> run)
    {
        while (true)
        {
            // The barrier's outcome is a list on which all agree; a view read by oneself may be older than a neighbour's.
            var begun = run(new OperationGroup(), OperationPurpose.Start).ThrowIfFailed();
            var root = begun.Members[0];
            OperationOutcome Run(OperationGroup group) => run(group, OperationPurpose.Other);
            if (CompareModels(communicator, tensors, root, Run) && Send(communicator, tensors, groups, root, Run) is { } sent)
            {
                // Whoever came in between only watched.
                var all = Membership.Zip(begun.Members, begun.Incarnations);
                return [.. Membership.Zip(sent.Members, sent.Incarnations).Where(all.Contains)];
            }
        }
    }

    private static bool CompareModels(
        ICommunicator communicator, ModuleTensors tensors, MemberId root, Func<OperationGroup, OperationOutcome> run)
    {
        var own = tensors.Digest();
        var words = new[] { BitConverter.UInt64BitsToDouble((ulong)(own >> 64)), BitConverter.UInt64BitsToDouble((ulong)own) };
        var group = new OperationGroup().Broadcast(TensorBuffer.From(words.AsMemory()), root);
        if (!Completed(communicator, run(group), root))
        {
            return false;
        }

        var theirs = new UInt128(BitConverter.DoubleToUInt64Bits(words[0]), BitConverter.DoubleToUInt64Bits(words[1]));
        return own == theirs
            ? true
            : throw new InputException(
                $"the module of {communicator.Self} differs from that of {root} in a name, a shape, a type or in what is frozen: "
                + "build the same module on all members before Distribute");
    }

    private static OperationOutcome? Send(
        ICommunicator communicator,
        ModuleTensors tensors,
        IReadOnlyList<FlatGroup> groups,
        MemberId root,
        Func<OperationGroup, OperationOutcome> run)
    {
        var others = tensors.Frozen.Select(f => (f.Name, (Tensor)f.Parameter)).Concat(tensors.Buffers).ToList();
        var packed = others.Where(t => TensorMemory.RawBits(t.Item2) is null).ToList();
        using var bits = PackedTensors.Pack(packed);
        var group = new OperationGroup();
        foreach (var flat in groups)
        {
            group.Broadcast(flat.Parameters.AsTensorBuffer(), root);
        }

        foreach (var (_, tensor) in others)
        {
            if (TensorMemory.RawBits(tensor) is { } raw)
            {
                group.Broadcast(raw, root);
            }
        }

        if (bits.Count > 0)
        {
            group.Broadcast(bits.AsTensorBuffer(), root);
        }

        var outcome = run(group);
        if (!Completed(communicator, outcome, root))
        {
            return null;
        }

        PackedTensors.Unpack(bits, packed);
        foreach (var flat in groups)
        {
            flat.UploadParameters();
        }

        return outcome;
    }

    /// <summary>False when the root has left, so that all members begin again with another; throws for other failures.</summary>
    internal static bool Completed(ICommunicator communicator, OperationOutcome outcome, MemberId root)
    {
        if (outcome.Status == OperationStatus.Completed)
        {
            return true;
        }

        return outcome.Status == OperationStatus.Aborted && !communicator.View.Members.Contains(root)
            ? false
            : throw outcome.Error!;
    }
}
