using Crossnode.Collectives;
using Crossnode.Core;
using Crossnode.TorchSharp.Layout;
using Crossnode.Training.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.State;

/// <summary>Keeps module buffers, running statistics for instance, the same on all members: those of the first one win.</summary>
internal sealed class BufferSynchronizer(ModuleTensors tensors) : IDisposable
{
    private FlatBuffer? _last;
    private FlatBuffer? _waiting;

    /// <summary>What all members have: raw bits, in memory that stays where it is while the buffers keep their shapes.</summary>
    public FlatBuffer? Last => _last;

    /// <summary>Whether a forward pass has changed a buffer since all members had the same.</summary>
    public bool HaveChanged()
    {
        using var now = PackedTensors.Pack([.. tensors.Buffers]);
        return _last is null || !PackedTensors.Same(now, _last);
    }

    /// <summary>Takes the buffers as they are for what all members have.</summary>
    public void Remember()
    {
        var now = PackedTensors.Pack([.. tensors.Buffers]);
        if (_last is not null && _last.Count == now.Count)
        {
            _last.CopyFrom(now);
            now.Dispose();
        }
        else
        {
            _last?.Dispose();
            _last = now;
        }
    }

    /// <summary>Takes the buffers back to what all members have.</summary>
    public void Restore()
    {
        if (_last is not null)
        {
            PackedTensors.Unpack(_last, [.. tensors.Buffers]);
        }

        TakeWaiting();
    }

    /// <summary>Takes over the first level member's buffers. All members call it together, with the list on which they agree.</summary>
    /// <param name="run">Runs an operation at this place of the loop.</param>
    /// <param name="communicator">The run.</param>
    /// <param name="level">The level members.</param>
    /// <param name="isLoaded">False for a newcomer whose state is still being fetched: what comes waits for <see cref="Restore"/>.</param>
    public void Run(
        Func<OperationGroup, OperationOutcome> run, ICommunicator communicator, IReadOnlyList<MemberId> level, bool isLoaded)
    {
        IReadOnlyList<(string, Tensor)> own = [.. tensors.Buffers];
        foreach (var root in level)
        {
            var bits = PackedTensors.Pack(own);
            var outcome = run(new OperationGroup().Broadcast(bits.AsTensorBuffer(), root));
            if (!InitialState.Completed(communicator, outcome, root))
            {
                bits.Dispose();
                continue;
            }

            _waiting?.Dispose();
            _waiting = bits;
            break;
        }

        if (isLoaded)
        {
            TakeWaiting();
        }
    }

    public void Dispose()
    {
        _last?.Dispose();
        _waiting?.Dispose();
    }

    private void TakeWaiting()
    {
        if (_waiting is { } bits)
        {
            PackedTensors.Unpack(bits, [.. tensors.Buffers]);
            bits.Dispose();
            _waiting = null;
            Remember();
        }
    }
}
