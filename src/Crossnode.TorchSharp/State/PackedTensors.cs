using System.Runtime.InteropServices;
using Crossnode.Core;
using Crossnode.Training.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.State;

/// <summary>Tensors of any type and place, copied one behind the other into host memory, as raw bits for a broadcast.</summary>
internal static class PackedTensors
{
    /// <summary>The bits, in units of four bytes; the caller disposes them.</summary>
    public static FlatBuffer Pack(IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        var packed = FlatBuffer.Allocate(ElementType.Float32, FlatBuffer.Layout(tensors.Select(t => (t.Name, Units(t.Tensor)))));
        for (var i = 0; i < tensors.Count; i++)
        {
            if (tensors[i].Tensor.numel() > 0)
            {
                using var source = tensors[i].Tensor.detach().cpu().contiguous();
                source.bytes.CopyTo(Place(packed, i));
            }
        }

        return packed;
    }

    /// <summary>Copies the bits back, in place.</summary>
    public static void Unpack(FlatBuffer packed, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        for (var i = 0; i < tensors.Count; i++)
        {
            var tensor = tensors[i].Tensor;
            if (tensor.numel() > 0)
            {
                using var source = empty(tensor.shape, tensor.dtype, CPU);
                Place(packed, i)[..source.bytes.Length].CopyTo(source.bytes);
                tensor.copy_(source);
            }
        }
    }

    /// <summary>Packs a tensor again into the memory that <see cref="Pack"/> made for it alone.</summary>
    public static void Refresh(FlatBuffer packed, Tensor tensor)
    {
        if (tensor.numel() > 0)
        {
            using var source = tensor.detach().cpu().contiguous();
            source.bytes.CopyTo(Place(packed, 0));
        }
    }

    /// <summary>Whether two packings hold the same bits.</summary>
    public static bool Same(FlatBuffer left, FlatBuffer right) =>
        left.Count == right.Count && left.AsSpan<uint>().SequenceEqual(right.AsSpan<uint>());

    private static long Units(Tensor tensor) => ((tensor.numel() * tensor.element_size()) + 3) / 4;

    private static Span<byte> Place(FlatBuffer packed, int index)
    {
        var segment = packed.Segments[index];
        return MemoryMarshal.AsBytes(packed.AsSpan<uint>().Slice((int)segment.Offset, (int)segment.Count));
    }
}
