using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

internal enum Kernel
{
    Add,
    AddScaled,
    Scale,
    Divide,
}

/// <summary>One call of a kernel: its elements, where they lie within a cache line, and its factor.</summary>
internal sealed record KernelCase(
    ElementType Type, ulong[] Target, ulong[] Source, double Factor, int TargetOffset, int SourceOffset)
{
    private const int Guard = 64;
    private const byte GuardByte = 0xA5;

    // 150 elements are four of the widest vectors of 16-bit elements, and every shape of tail after them.
    public static Gen<KernelCase> Cases(ElementType type) =>
        from pairs in Gen.Select(Samples.Bits(type), Samples.Bits(type)).Array[0, 150]
        from factor in Samples.Factors
        from targetOffset in Gen.Int[0, 63]
        from sourceOffset in Gen.Int[0, 63]
        select new KernelCase(
            type, [.. pairs.Select(p => p.Item1)], [.. pairs.Select(p => p.Item2)], factor, targetOffset, sourceOffset);

    /// <summary>Runs a kernel over copies of the elements; fails when it writes outside the target.</summary>
    public unsafe byte[] Run(KernelCall call, bool aliased = false)
    {
        var elements = Samples.Pack(Type, Target);
        var target = Place(elements, TargetOffset);
        var source = Place(Samples.Pack(Type, Source), SourceOffset);
        fixed (byte* to = target, from = source)
        {
            var start = to + Guard + TargetOffset;
            call(Type, start, aliased ? start : from + Guard + SourceOffset, Factor, Target.Length);
        }

        var first = Guard + TargetOffset;
        Assert.All(target[..first], b => Assert.Equal(GuardByte, b));
        Assert.All(target[(first + elements.Length)..], b => Assert.Equal(GuardByte, b));
        return target[first..(first + elements.Length)];
    }

    /// <summary>Compares bit for bit; of a NaN only that it is one.</summary>
    public void AssertSame(byte[] expected, byte[] actual, string what)
    {
        for (var i = 0; i < Target.Length; i++)
        {
            var wanted = Samples.Element(Type, expected, i);
            var got = Samples.Element(Type, actual, i);
            var same = Samples.IsNaN(Type, wanted) ? Samples.IsNaN(Type, got) : wanted == got;
            Assert.True(same, $"{what}, {Type.Name()} element {i} of {Target.Length}, {Target[i]:x} and {Source[i]:x} "
                + $"with {Factor:r}: wanted {wanted:x}, got {got:x}");
        }
    }

    private static byte[] Place(byte[] elements, int offset)
    {
        var bytes = new byte[Guard + offset + elements.Length + Guard];
        Array.Fill(bytes, GuardByte);
        elements.CopyTo(bytes, Guard + offset);
        return bytes;
    }
}

internal unsafe delegate void KernelCall(ElementType type, void* target, void* source, double factor, long count);
