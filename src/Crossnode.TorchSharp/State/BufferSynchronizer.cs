using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.TorchSharp.Layout;
using Crossnode.Training.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.State;

/// <summary>Keeps module buffers, running statistics for instance, the same on all members: those of the first one win.</summary>
internal sealed class BufferSynchronizer(ModuleTensors tensors, OperationOptions options) : IDisposable
{
    private FlatBuffer? _last;

    /// <summary>Whether a forward pass has changed a buffer since all members had the same.</summary>
    public bool HaveChanged()
    {
        using var now = PackedTensors.Pack([.. tensors.Buffers]);
        return _last is null || !PackedTensors.Same(now, _last);
    }

    /// <summary>Takes the buffers as they are for what all members have.</summary>
    public void Remember()
    {
        _last?.Dispose();
        _last = PackedTensors.Pack([.. tensors.Buffers]);
    }

    /// <summary>Takes over the first member's buffers. Members call it together, with the list on which they agree.</summary>
    public void Run(ICommunicator communicator, IReadOnlyList<MemberId> members)
    {
        IReadOnlyList<(string, Tensor)> own = [.. tensors.Buffers];
        foreach (var root in members)
        {
            using var bits = PackedTensors.Pack(own);
            var group = new OperationGroup().Broadcast(bits.AsTensorBuffer(), root);
            if (InitialState.Completed(communicator, communicator.Run(group, options), root))
            {
                PackedTensors.Unpack(bits, own);
                break;
            }
        }

        Remember();
    }

    public void Dispose() => _last?.Dispose();
}
