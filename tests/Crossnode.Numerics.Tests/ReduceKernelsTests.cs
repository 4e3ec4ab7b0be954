using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

/// <summary>The vector code against the scalar definition, at every width, whichever of them this processor would choose.</summary>
[Trait("tier", "property")]
public sealed unsafe class ReduceKernelsTests
{
    private const int Iterations = 500;

    public static TheoryData<ElementType> Types { get; } = new(Enum.GetValues<ElementType>().Where(t => t.IsKnown()));

    public static TheoryData<ElementType> Floats { get; } = new(Enum.GetValues<ElementType>().Where(t => t.IsFloat()));

    public static TheoryData<ElementType> Integers { get; } =
        new(Enum.GetValues<ElementType>().Where(t => t.IsKnown() && !t.IsFloat()));

    public static TheoryData<ElementType, string> TypesAndKernels { get; } = new(
        from type in Types.Select(row => row.Data)
        from kernel in Enum.GetValues<Kernel>()
        where kernel.Takes(type)
        select (type, kernel.ToString()));

    [Theory]
    [MemberData(nameof(TypesAndKernels))]
    public void Kernel_at_every_width_gives_the_scalar_bits(ElementType type, string kernelName)
    {
        var kernel = Enum.Parse<Kernel>(kernelName);
        var place = kernel == Kernel.Divide ? Place.Left : Place.Apart;
        KernelCase.Cases(type).Sample(
            sample =>
            {
                var expected = sample.Run(kernel.Scalar(), place);
                sample.AssertSame(expected, sample.Run(kernel.Public(), place), $"{kernel}");
                sample.AssertSame(expected, sample.Run(kernel.Public(streaming: true), place), $"{kernel}, streaming");
                foreach (var bits in (int[])[128, 256, 512])
                {
                    sample.AssertSame(expected, sample.Run(kernel.AtWidth(bits), place), $"{kernel} at {bits} bits");
                }
            },
            iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(TypesAndKernels))]
    public void Kernel_accepts_an_operand_as_target(ElementType type, string kernelName)
    {
        var kernel = Enum.Parse<Kernel>(kernelName);
        KernelCase.Cases(type).Sample(
            sample =>
            {
                foreach (var place in (Place[])[Place.Left, Place.Right, Place.Both])
                {
                    var expected = sample.Run(kernel.Scalar(), place);
                    sample.AssertSame(expected, sample.Run(kernel.Public(), place), $"{kernel} onto {place}");
                    sample.AssertSame(
                        expected, sample.Run(kernel.Public(streaming: true), place), $"{kernel}, streaming onto {place}");
                }
            },
            iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(TypesAndKernels))]
    public void Streaming_many_lines_changes_no_bit(ElementType type, string kernelName)
    {
        var kernel = Enum.Parse<Kernel>(kernelName);
        var place = kernel == Kernel.Divide ? Place.Left : Place.Apart;
        KernelCase.Cases(type, most: 20_000 / type.Size()).Sample(
            sample =>
            {
                var expected = sample.Run(kernel.Public(), place);
                foreach (var bits in (int[])[128, 256, 512])
                {
                    sample.AssertSame(expected, sample.Run(kernel.AtWidth(bits, streaming: true), place), $"{kernel}");
                }
            },
            iter: 10);
    }

    [Fact]
    public void Copy_moves_every_byte_and_no_other()
    {
        var cases =
            from bytes in Gen.Byte.Array[0, 500]
            from offsets in Gen.Int[0, 63].Array[2]
            select (bytes, offsets);
        cases.Sample(
            sample =>
            {
                foreach (var streaming in (bool[])[false, true])
                {
                    var source = new GuardedBytes(sample.bytes, sample.offsets[0]);
                    var target = new GuardedBytes(new byte[sample.bytes.Length], sample.offsets[1]);
                    fixed (byte* to = target.All, from = source.All)
                    {
                        ReduceKernels.Copy(to + target.Start, from + source.Start, sample.bytes.Length, streaming);
                    }

                    Assert.Equal(sample.bytes, target.Content());
                }
            },
            iter: 5000);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Add_equals_the_sum_onto_the_left_operand(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample => Assert.Equal(
                sample.Run(Kernel.Sum.Public(), Place.Left),
                sample.Run((t, to, _, b, _, n) => ReduceKernels.Add(t, to, b, n), Place.Left)),
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Floats))]
    public void AddScaled_equals_CombineScaled_onto_the_left_operand(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample => Assert.Equal(
                sample.Run(Kernel.CombineScaled.Public(), Place.Left),
                sample.Run((t, to, _, b, f, n) => ReduceKernels.AddScaled(t, to, b, f, n), Place.Left)),
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Floats))]
    public void CombineScaled_by_one_equals_the_sum_to_the_bit(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample =>
            {
                var one = sample with { Factor = 1 };
                Assert.Equal(one.Run(Kernel.Sum.Public()), one.Run(Kernel.CombineScaled.Public()));
            },
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Floats))]
    public void Scale_by_one_copies_every_bit_pattern(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample =>
            {
                var one = sample with { Factor = 1 };
                Assert.Equal(Samples.Pack(type, one.Right), one.Run(Kernel.Scale.Public()));
                Assert.Equal(Samples.Pack(type, one.Right), one.Run(Kernel.Scale.Public(streaming: true), Place.Right));
            },
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Floats))]
    public void Divide_by_one_changes_nothing(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample => Assert.Equal(
                Samples.Pack(type, sample.Left),
                sample.Run((t, to, _, _, _, n) => ReduceKernels.Divide(t, to, 1, n), Place.Left)),
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Types))]
    public void No_elements_need_no_memory(ElementType type)
    {
        ReduceKernels.Add(type, null, null, 0);
        ReduceKernels.Combine(ReduceOperator.Max, type, null, null, null, 0);
        ReduceKernels.Combine(ReduceOperator.Max, type, null, null, null, 0, streaming: true);
    }

    [Theory]
    [MemberData(nameof(Floats))]
    public void No_floats_need_no_memory(ElementType type)
    {
        ReduceKernels.AddScaled(type, null, null, 2, 0);
        ReduceKernels.Scale(type, null, null, 1, 0);
        ReduceKernels.Scale(type, null, null, 2, 0, streaming: true);
        ReduceKernels.Divide(type, null, 2, 0);
    }

    [Theory]
    [InlineData(ElementType.None, 1)]
    [InlineData((ElementType)13, 1)]
    [InlineData(ElementType.Float32, -1)]
    public void Wrong_type_or_count_is_refused(ElementType type, long count)
    {
        AssertRefused(() => ReduceKernels.Add(type, null, null, count));
        AssertRefused(() => ReduceKernels.Combine(ReduceOperator.Min, type, null, null, null, count));
        AssertRefused(() => ReduceKernels.AddScaled(type, null, null, 1, count));
        AssertRefused(() => ReduceKernels.Scale(type, null, null, 1, count));
        AssertRefused(() => ReduceKernels.Divide(type, null, 1, count));
        AssertRefused(() => ReduceKernels.Copy(null, null, -1));
    }

    [Theory]
    [MemberData(nameof(Integers))]
    public void Integers_are_neither_weighted_nor_divided(ElementType type)
    {
        AssertRefused(() => ReduceKernels.AddScaled(type, null, null, 1, 1));
        AssertRefused(() => ReduceKernels.CombineScaled(type, null, null, null, 1, 1));
        AssertRefused(() => ReduceKernels.Scale(type, null, null, 1, 1));
        AssertRefused(() => ReduceKernels.Divide(type, null, 1, 1));
        AssertRefused(() => ReduceKernels.Combine(ReduceOperator.Average, type, null, null, null, 1));
    }

    [Theory]
    [InlineData(ReduceOperator.None)]
    [InlineData((ReduceOperator)6)]
    public void Wrong_operator_is_refused(ReduceOperator op) =>
        AssertRefused(() => ReduceKernels.Combine(op, ElementType.Float32, null, null, null, 1));

    private static void AssertRefused(Action call) => Assert.Throws<ArgumentOutOfRangeException>(call);
}
