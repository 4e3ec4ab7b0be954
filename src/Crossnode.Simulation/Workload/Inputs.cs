using Crossnode.Core;

namespace Crossnode.Simulation.Workload;

/// <summary>What a member puts into an operation: a function of member, tag, number, part and element.</summary>
/// <remarks>Small integers, so that every sum and every weighted sum is exact in its type, in whatever order it is made.</remarks>
internal static unsafe class Inputs
{
    public static int Value(ElementType type, int member, int tag, int operation, int part, int element)
    {
        var mixed = (uint)(((member + 1) * 0x9E3779B1) ^ ((tag + 1) * 0x85EBCA6B))
            + (uint)((operation * 0xC2B2AE35) ^ (part * 0x27D4EB2F)) + ((uint)element * 0x165667B1);
        mixed = (mixed ^ (mixed >> 15)) * 0x2C1B3C6D;
        mixed ^= mixed >> 13;
        // 8 bits of bfloat16 hold the weighted sum of nine members only when the values are small.
        return type == ElementType.BFloat16 ? (int)(mixed % 5) - 2 : (int)(mixed % 17) - 8;
    }

    public static void Write(byte* target, ElementType type, int element, double value)
    {
        switch (type)
        {
            case ElementType.Float16:
                ((Half*)target)[element] = (Half)(float)value;
                break;
            case ElementType.BFloat16:
                ((ushort*)target)[element] = ToBFloat16((float)value);
                break;
            case ElementType.Float32:
                ((float*)target)[element] = (float)value;
                break;
            default:
                ((double*)target)[element] = value;
                break;
        }
    }

    // To the nearest, ties to even.
    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
