using System.Buffers.Binary;
using Crossnode.Core;

namespace Crossnode.Cli.Benchmarks.Operations;

/// <summary>Writes and checks <see cref="Stretch"/>es in memory.</summary>
internal static unsafe class Pattern
{
    // Primes, so that chunks which come to the wrong place show. Sums of the longer one need more than 8 bits of mantissa.
    internal const int Period = 251;
    private const int ShortPeriod = 13;

    // Whole periods that are copied and compared at once.
    private const int PeriodsInBlock = 64;

    /// <summary>Fills memory with stretches, one after another.</summary>
    public static void Fill(byte* memory, ElementType type, IReadOnlyList<Stretch> stretches) =>
        Visit(memory, type, stretches, static (block, place) =>
        {
            block.CopyTo(place);
            return true;
        });

    /// <summary>Whether memory holds these stretches, one after another.</summary>
    public static bool IsIn(byte* memory, ElementType type, IReadOnlyList<Stretch> stretches) =>
        Visit(memory, type, stretches, static (block, place) => block.SequenceEqual(place));

    private delegate bool Visitor(ReadOnlySpan<byte> block, Span<byte> place);

    private static bool Visit(byte* memory, ElementType type, IReadOnlyList<Stretch> stretches, Visitor visit)
    {
        foreach (var stretch in stretches)
        {
            var block = Block(type, stretch);
            var bytes = stretch.Count * type.Size();
            for (long done = 0; done < bytes; done += block.Length)
            {
                var length = (int)Math.Min(block.Length, bytes - done);
                if (!visit(block.AsSpan(0, length), new Span<byte>(memory + done, length)))
                {
                    return false;
                }
            }
            memory += bytes;
        }
        return true;
    }

    private static byte[] Block(ElementType type, Stretch stretch)
    {
        var period = type.Size() > 2 ? Period : ShortPeriod;
        var block = new byte[period * PeriodsInBlock * type.Size()];
        for (var at = 0; at < block.Length / type.Size(); at++)
        {
            Write(block.AsSpan(at * type.Size()), type, stretch.At(stretch.Start + at, period));
        }
        return block;
    }

    private static void Write(Span<byte> place, ElementType type, int value)
    {
        switch (type)
        {
            case ElementType.Float16:
                BinaryPrimitives.WriteHalfLittleEndian(place, (Half)value);
                break;
            case ElementType.BFloat16:
                BinaryPrimitives.WriteUInt16LittleEndian(place, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                break;
            case ElementType.Float32:
                BinaryPrimitives.WriteSingleLittleEndian(place, value);
                break;
            case ElementType.Float64:
                BinaryPrimitives.WriteDoubleLittleEndian(place, value);
                break;
            default:
                // Sums of integers wrap, and so does this.
                Span<byte> whole = stackalloc byte[sizeof(long)];
                BinaryPrimitives.WriteInt64LittleEndian(whole, value);
                whole[..type.Size()].CopyTo(place);
                break;
        }
    }
}
