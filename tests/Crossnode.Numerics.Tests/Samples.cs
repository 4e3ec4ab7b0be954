using System.Runtime.CompilerServices;
using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

/// <summary>Elements as bit patterns: anything, ordinary numbers, and the edges where rounding or wrapping goes wrong.</summary>
internal static class Samples
{
    public static Gen<ulong> Bits(ElementType type) => type switch
    {
        ElementType.Float16 => Gen.Frequency(
            (4, Gen.UShort.Select(bits => (ulong)bits)),
            (2, Gen.Double[-4, 4].Select(value => (ulong)BitConverter.HalfToUInt16Bits((Half)value))),
            (2, Edges(0x0000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0x3C01, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x8000))),
        ElementType.BFloat16 => Gen.Frequency(
            (4, Gen.UShort.Select(bits => (ulong)bits)),
            (2, Gen.Double[-4, 4].Select(value => (ulong)(BitConverter.SingleToUInt32Bits((float)value) >> 16))),
            (2, Edges(0x0000, 0x0001, 0x007F, 0x0080, 0x3F80, 0x3F81, 0x7F7F, 0x7F80, 0x7F81, 0x7FC0, 0x8000))),
        ElementType.Float32 => Gen.Frequency(
            (4, Gen.UInt.Select(bits => (ulong)bits)),
            (2, Gen.Double[-4, 4].Select(value => (ulong)BitConverter.SingleToUInt32Bits((float)value))),
            (2, Edges(
                0, 1, 0x007F_FFFF, 0x0080_0000, 0x3F80_0000, 0x3F80_0001, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001,
                0x7FC0_0000, 0x8000_0000))),
        ElementType.Float64 => Gen.Frequency(
            (4, Gen.ULong),
            (2, Gen.Double[-4, 4].Select(BitConverter.DoubleToUInt64Bits)),
            (2, Edges(
                0, 1, 0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000, 0x3FF0_0000_0000_0000, 0x3FF0_0000_0000_0001,
                0x7FEF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000, 0x7FF0_0000_0000_0001, 0x8000_0000_0000_0000))),
        _ => Gen.Frequency(
            (4, Gen.ULong.Select(bits => bits & Mask(type))),
            (2, Gen.Long[-3, 3].Select(value => (ulong)value & Mask(type))),
            (2, Edges(0, 1, Mask(type), Mask(type) >> 1, (Mask(type) >> 1) + 1))),
    };

    /// <summary>Weights and divisors, the ones included that are exact, that overflow and that are none.</summary>
    public static Gen<double> Factors { get; } = Gen.Frequency(
        (3, Gen.Double[0.01, 100]),
        (1, Gen.Int[1, 64].Select(count => (double)count)),
        (1, Gen.OneOf(1, 0.5, -2, 1.0 / 3, 1e-30, 1e30, 1e-300, 0, double.PositiveInfinity, double.NaN)));

    public static byte[] Pack(ElementType type, ulong[] elements)
    {
        var bytes = new byte[elements.Length * type.Size()];
        for (var i = 0; i < elements.Length; i++)
        {
            switch (type.Size())
            {
                case 1:
                    bytes[i] = (byte)elements[i];
                    break;
                case 2:
                    Unsafe.WriteUnaligned(ref bytes[i * 2], (ushort)elements[i]);
                    break;
                case 4:
                    Unsafe.WriteUnaligned(ref bytes[i * 4], (uint)elements[i]);
                    break;
                default:
                    Unsafe.WriteUnaligned(ref bytes[i * 8], elements[i]);
                    break;
            }
        }

        return bytes;
    }

    public static ulong Element(ElementType type, ReadOnlySpan<byte> bytes, int index) => type.Size() switch
    {
        1 => bytes[index],
        2 => BitConverter.ToUInt16(bytes[(index * 2)..]),
        4 => BitConverter.ToUInt32(bytes[(index * 4)..]),
        _ => BitConverter.ToUInt64(bytes[(index * 8)..]),
    };

    public static bool IsNaN(ElementType type, ulong bits) => type switch
    {
        ElementType.Float16 => (bits & 0x7FFF) > 0x7C00,
        ElementType.BFloat16 => (bits & 0x7FFF) > 0x7F80,
        ElementType.Float32 => float.IsNaN(BitConverter.UInt32BitsToSingle((uint)bits)),
        ElementType.Float64 => double.IsNaN(BitConverter.UInt64BitsToDouble(bits)),
        _ => false,
    };

    private static ulong Mask(ElementType type) => ulong.MaxValue >> (64 - (8 * type.Size()));

    private static Gen<ulong> Edges(params ulong[] bits) => Gen.OneOf(bits);
}
