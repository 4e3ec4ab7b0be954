using Crossnode.Core;

namespace Crossnode.Numerics;

/// <summary>Chooses the loop for an element type, which has been checked; integers know no factor.</summary>
internal static unsafe class KernelDispatch
{
    public static void Run<TOperation>(
        ElementType type, void* target, void* left, void* right, double factor, long count, int widestBits,
        bool streaming)
        where TOperation : struct, IReduceOperation
    {
        var to = (byte*)target;
        var a = (byte*)left;
        var b = (byte*)right;
        switch (type)
        {
            case ElementType.Float16:
                Run<Float16Format, float, TOperation>(to, a, b, (float)factor, count, widestBits, streaming);
                break;
            case ElementType.BFloat16:
                Run<BFloat16Format, float, TOperation>(to, a, b, (float)factor, count, widestBits, streaming);
                break;
            case ElementType.Float32:
                Run<PlainFormat<float>, float, TOperation>(to, a, b, (float)factor, count, widestBits, streaming);
                break;
            case ElementType.Float64:
                Run<PlainFormat<double>, double, TOperation>(to, a, b, factor, count, widestBits, streaming);
                break;
            case ElementType.UInt8:
                Run<PlainFormat<byte>, byte, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            case ElementType.Int8:
                Run<PlainFormat<sbyte>, sbyte, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            case ElementType.Int16:
                Run<PlainFormat<short>, short, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            case ElementType.Int32:
                Run<PlainFormat<int>, int, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            case ElementType.Int64:
                Run<PlainFormat<long>, long, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            case ElementType.UInt16:
                Run<PlainFormat<ushort>, ushort, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            case ElementType.UInt32:
                Run<PlainFormat<uint>, uint, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
            default:
                Run<PlainFormat<ulong>, ulong, TOperation>(to, a, b, 1, count, widestBits, streaming);
                break;
        }
    }

    private static void Run<TFormat, TValue, TOperation>(
        byte* target, byte* left, byte* right, TValue factor, long count, int widestBits, bool streaming)
        where TFormat : struct, IElementFormat<TValue>
        where TValue : unmanaged
        where TOperation : struct, IReduceOperation
    {
        if (streaming)
        {
            StreamingLoop.Run<TFormat, TValue, TOperation>(target, left, right, factor, count, widestBits);
        }
        else
        {
            KernelLoop.Run<TFormat, TValue, TOperation, CachedStore>(target, left, right, factor, count, widestBits);
        }
    }
}
