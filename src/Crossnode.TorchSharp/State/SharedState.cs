using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Crossnode.Collectives.State;
using Crossnode.Core;
using Crossnode.TorchSharp.Layout;
using Crossnode.Training;
using Crossnode.Training.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.State;

/// <summary>All that level members have in common between two exchanges, as named memory: what a newcomer fetches and a checkpoint keeps.</summary>
/// <remarks>
/// While every step averages, that is parameters, the optimiser's moments and the strategy's own buffers; while members
/// train by themselves between averagings, only the strategy's buffers. Frozen parameters and module buffers always belong to it.
/// Tensors of a device are copied to host memory by <see cref="Download"/>.
/// </remarks>
internal sealed class SharedState(
    IReadOnlyList<FlatGroup> groups,
    ModuleTensors tensors,
    OptimizerTensors optimizer,
    BufferSynchronizer? buffers,
    ITrainingStrategy strategy) : IDisposable
{
    private readonly List<(FlatBuffer Host, string Name, Tensor Tensor)> _staged = [];
    private FlatBuffer? _frozen;

    /// <summary>Whether parameters and the optimiser's moments belong to it now.</summary>
    public bool HasLocalState => !strategy.State.HoldsParameters;

    /// <summary>The memory, by name; the same names in the same order on all members at the same version.</summary>
    /// <param name="withLocal">Also what is a member's own now: for its checkpoint.</param>
    public IReadOnlyList<StateTensor> Tensors(bool withLocal = false)
    {
        var all = new List<StateTensor>();
        if (withLocal || HasLocalState)
        {
            foreach (var group in groups)
            {
                all.Add(new StateTensor($"parameters.{group.Parameters.Type.Name()}", group.Parameters.AsTensorBuffer()));
            }

            Stage();
            foreach (var (name, tensor) in optimizer.Tensors)
            {
                all.Add(new StateTensor(name, TensorMemory.RawBits(tensor) ?? HostOf(name).AsTensorBuffer()));
            }
        }

        foreach (var buffer in strategy.State.Buffers)
        {
            all.Add(new StateTensor($"strategy.{buffer.Name}", buffer.Buffer.AsTensorBuffer()));
        }

        _frozen ??= PackedTensors.Pack([.. tensors.Frozen.Select(f => (f.Name, (Tensor)f.Parameter))]);
        if (_frozen.Count > 0)
        {
            all.Add(new StateTensor("frozen", _frozen.AsTensorBuffer()));
        }

        if (buffers is { Last: { Count: > 0 } last })
        {
            all.Add(new StateTensor("buffers", last.AsTensorBuffer()));
        }

        return all;
    }

    /// <summary>About how much <see cref="Tensors"/> is now; copies nothing from a device.</summary>
    public (long Bytes, int Count) Size()
    {
        List<long> sizes = [.. strategy.State.Buffers.Select(entry => entry.Buffer.ByteLength)];
        if (HasLocalState)
        {
            sizes.AddRange(groups.Select(group => group.Parameters.ByteLength));
            sizes.AddRange(optimizer.Tensors.Select(entry => entry.Tensor.numel() * entry.Tensor.element_size()));
        }

        sizes.AddRange(tensors.Frozen.Select(entry => entry.Parameter.numel() * entry.Parameter.element_size()));
        sizes.Add(buffers?.Last?.ByteLength ?? 0);
        return (sizes.Sum(), sizes.Count);
    }

    /// <summary>Counters of the optimiser, which are no tensors.</summary>
    public byte[] SaveNumbers(bool withLocal = false) => withLocal || HasLocalState ? optimizer.SaveNumbers() : [];

    /// <summary>Makes the optimiser's tensors those of a manifest, so that the state can be written into them.</summary>
    public void Shape(IReadOnlySet<string> names, bool withLocal = false)
    {
        if (withLocal || HasLocalState)
        {
            optimizer.Shape(names);
        }
    }

    /// <summary>Brings what lies on a device into host memory.</summary>
    public void Download()
    {
        foreach (var group in groups)
        {
            group.DownloadParameters();
        }

        foreach (var (host, _, tensor) in _staged)
        {
            PackedTensors.Refresh(host, tensor);
        }
    }

    /// <summary>Takes over what was written into the memory of <see cref="Tensors"/>.</summary>
    public void Upload(ReadOnlySpan<byte> numbers, bool withLocal = false)
    {
        if (withLocal || HasLocalState)
        {
            foreach (var group in groups)
            {
                group.UploadParameters();
            }

            foreach (var (host, name, tensor) in _staged)
            {
                PackedTensors.Unpack(host, [(name, tensor)]);
            }

            optimizer.LoadNumbers(numbers);
        }

        if (_frozen is { Count: > 0 })
        {
            PackedTensors.Unpack(_frozen, [.. tensors.Frozen.Select(f => (f.Name, (Tensor)f.Parameter))]);
        }

        buffers?.Restore();
    }

    /// <summary>A digest of everything, by which members compare.</summary>
    public unsafe StateHash Hash()
    {
        Download();
        var hash = new XxHash128();
        Span<byte> header = stackalloc byte[9];
        foreach (var (name, buffer) in Tensors())
        {
            hash.Append(Encoding.UTF8.GetBytes(name));
            header[0] = (byte)buffer.Type;
            BinaryPrimitives.WriteInt64LittleEndian(header[1..], buffer.Count);
            hash.Append(header);
            using var pinned = buffer.Pin();
            for (var at = 0L; at < buffer.ByteLength; at += 1 << 26)
            {
                hash.Append(new ReadOnlySpan<byte>(pinned.Address + at, (int)Math.Min(1 << 26, buffer.ByteLength - at)));
            }
        }

        hash.Append(SaveNumbers());
        var value = hash.GetCurrentHashAsUInt128();
        return new StateHash((ulong)(value >> 64), (ulong)value);
    }

    public void Dispose()
    {
        foreach (var (host, _, _) in _staged)
        {
            host.Dispose();
        }

        _staged.Clear();
        _frozen?.Dispose();
    }

    // A tensor that is not contiguous in host memory gets a copy there, as raw bits.
    private void Stage()
    {
        var wanted = optimizer.Tensors.Where(t => TensorMemory.RawBits(t.Tensor) is null).ToList();
        if (wanted.Count == _staged.Count && wanted.Zip(_staged).All(pair => ReferenceEquals(pair.First.Tensor, pair.Second.Tensor)))
        {
            return;
        }

        foreach (var (host, _, _) in _staged)
        {
            host.Dispose();
        }

        _staged.Clear();
        foreach (var (name, tensor) in wanted)
        {
            _staged.Add((PackedTensors.Pack([(name, tensor)]), name, tensor));
        }
    }

    private FlatBuffer HostOf(string name) => _staged.First(staged => staged.Name == name).Host;
}
