using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

/// <summary>Where the target lies: apart, or in the place of an operand.</summary>
internal enum Place
{
    Apart,
    Left,
    Right,
    Both,
}

/// <summary>One call of a kernel: its operands, where they and the target lie within a cache line, and its factor.</summary>
internal sealed record KernelCase(
    ElementType Type, ulong[] Left, ulong[] Right, double Factor, int TargetOffset, int LeftOffset, int RightOffset)
{
    // 150 elements are two of the widest vectors of bytes, and every shape of tail after them.
    public static Gen<KernelCase> Cases(ElementType type, int most = 150) =>
        from pairs in Gen.Select(Samples.Bits(type), Samples.Bits(type)).Array[0, most]
        from factor in Samples.Factors
        from offsets in Gen.Int[0, 63].Array[3]
        select new KernelCase(
            type, [.. pairs.Select(p => p.Item1)], [.. pairs.Select(p => p.Item2)], factor, offsets[0], offsets[1],
            offsets[2]);

    /// <summary>Runs a kernel over copies of the elements; fails when it writes outside the target.</summary>
    public unsafe byte[] Run(KernelCall call, Place place = Place.Apart)
    {
        var left = new GuardedBytes(Samples.Pack(Type, Left), LeftOffset);
        var right = new GuardedBytes(Samples.Pack(Type, Right), RightOffset);
        var target = place switch
        {
            Place.Apart => new GuardedBytes(new byte[Left.Length * Type.Size()], TargetOffset),
            Place.Right => right,
            _ => left,
        };
        if (place == Place.Both)
        {
            right = left;
        }

        fixed (byte* to = target.All, a = left.All, b = right.All)
        {
            call(Type, to + target.Start, a + left.Start, b + right.Start, Factor, Left.Length);
        }

        return target.Content();
    }

    /// <summary>Compares bit for bit; of a NaN only that it is one.</summary>
    public void AssertSame(byte[] expected, byte[] actual, string what)
    {
        for (var i = 0; i < Left.Length; i++)
        {
            var wanted = Samples.Element(Type, expected, i);
            var got = Samples.Element(Type, actual, i);
            var same = Samples.IsNaN(Type, wanted) ? Samples.IsNaN(Type, got) : wanted == got;
            Assert.True(same, $"{what}, {Type.Name()} element {i} of {Left.Length}, {Left[i]:x} and {Right[i]:x} "
                + $"with {Factor:r}: wanted {wanted:x}, got {got:x}");
        }
    }
}
