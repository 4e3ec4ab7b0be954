using Crossnode.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Crossnode.TorchSharp.Layout;

/// <summary>Where tensors lie, and what their elements are called here.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>The element type that collectives average, or null for types that have no averages.</summary>
    public static ElementType? ElementTypeOf(ScalarType type) => type switch
    {
        ScalarType.Float16 => ElementType.Float16,
        ScalarType.BFloat16 => ElementType.BFloat16,
        ScalarType.Float32 => ElementType.Float32,
        ScalarType.Float64 => ElementType.Float64,
        _ => null,
    };

    public static ScalarType ScalarTypeOf(ElementType type) => type switch
    {
        ElementType.Float16 => ScalarType.Float16,
        ElementType.BFloat16 => ScalarType.BFloat16,
        ElementType.Float32 => ScalarType.Float32,
        _ => ScalarType.Float64,
    };

    /// <summary>The first element of a contiguous tensor in host memory; null when it is empty, elsewhere or not contiguous.</summary>
    public static void* AddressOf(Tensor tensor)
    {
        var count = tensor.numel();
        if (count == 0 || tensor.device.type != DeviceType.CPU || !tensor.is_contiguous())
        {
            return null;
        }

        if (count * tensor.element_size() <= int.MaxValue)
        {
            fixed (byte* address = tensor.bytes)
            {
                return address;
            }
        }

        // A span cannot hold the whole tensor: ask its first element.
        using var flat = tensor.view(-1);
        using var first = flat.narrow(0, 0, 1);
        fixed (byte* address = first.bytes)
        {
            return address;
        }
    }

    /// <summary>A contiguous host tensor's memory as raw bits of its element size, for a broadcast; null for others.</summary>
    public static TensorBuffer? RawBits(Tensor tensor)
    {
        ElementType? unit = tensor.element_size() switch
        {
            2 => ElementType.Float16,
            4 => ElementType.Float32,
            8 => ElementType.Float64,
            _ => null,
        };
        var address = unit is null ? null : AddressOf(tensor);
        return address is null ? null : TensorBuffer.FromPointer(address, unit!.Value, tensor.numel());
    }
}
