using Crossnode.Core;
using CsCheck;

namespace Crossnode.Numerics.Tests;

/// <summary>The vector code against the scalar definition, at every width, whichever of them this processor would choose.</summary>
[Trait("tier", "property")]
public sealed unsafe class ReduceKernelsTests
{
    private const int Iterations = 1500;

    public static TheoryData<ElementType> Types { get; } =
        [ElementType.Float16, ElementType.BFloat16, ElementType.Float32, ElementType.Float64];

    public static TheoryData<ElementType, string> TypesAndKernels { get; } = new(
        from type in Types.Select(row => row.Data)
        from kernel in Enum.GetNames<Kernel>()
        select (type, kernel));

    [Theory]
    [MemberData(nameof(TypesAndKernels))]
    public void Kernel_at_every_width_gives_the_scalar_bits(ElementType type, string kernelName)
    {
        var kernel = Enum.Parse<Kernel>(kernelName);
        KernelCase.Cases(type).Sample(
            sample =>
            {
                var expected = sample.Run(Scalar(kernel));
                sample.AssertSame(expected, sample.Run(Public(kernel)), $"{kernel}");
                foreach (var bits in (int[])[128, 256, 512])
                {
                    sample.AssertSame(expected, sample.Run(AtWidth(kernel, bits)), $"{kernel} at {bits} bits");
                }
            },
            iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(TypesAndKernels))]
    public void Kernel_accepts_one_buffer_as_target_and_source(ElementType type, string kernelName)
    {
        var kernel = Enum.Parse<Kernel>(kernelName);
        KernelCase.Cases(type).Sample(
            sample => sample.AssertSame(
                sample.Run(Scalar(kernel), aliased: true), sample.Run(Public(kernel), aliased: true), $"{kernel} aliased"),
            iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void AddScaled_by_one_equals_Add_to_the_bit(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample => Assert.Equal(
                sample.Run((t, to, from, _, n) => ReduceKernels.Add(t, to, from, n)),
                sample.Run((t, to, from, _, n) => ReduceKernels.AddScaled(t, to, from, 1, n))),
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Types))]
    public void Scale_by_one_copies_every_bit_pattern(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample => Assert.Equal(
                Samples.Pack(type, sample.Source),
                sample.Run((t, to, from, _, n) => ReduceKernels.Scale(t, to, from, 1, n))),
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Types))]
    public void Divide_by_one_changes_nothing(ElementType type) =>
        KernelCase.Cases(type).Sample(
            sample => Assert.Equal(
                Samples.Pack(type, sample.Target),
                sample.Run((t, to, _, _, n) => ReduceKernels.Divide(t, to, 1, n))),
            iter: Iterations);

    [Theory]
    [MemberData(nameof(Types))]
    public void No_elements_need_no_memory(ElementType type)
    {
        ReduceKernels.Add(type, null, null, 0);
        ReduceKernels.AddScaled(type, null, null, 2, 0);
        ReduceKernels.Scale(type, null, null, 1, 0);
        ReduceKernels.Scale(type, null, null, 2, 0);
        ReduceKernels.Divide(type, null, 2, 0);
    }

    [Theory]
    [InlineData(ElementType.None, 1)]
    [InlineData((ElementType)9, 1)]
    [InlineData(ElementType.Float32, -1)]
    public void Wrong_type_or_count_is_refused(ElementType type, long count)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ReduceKernels.Add(type, null, null, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReduceKernels.AddScaled(type, null, null, 1, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReduceKernels.Scale(type, null, null, 1, count));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReduceKernels.Divide(type, null, 1, count));
    }

    private static KernelCall Public(Kernel kernel) => kernel switch
    {
        Kernel.Add => (t, to, from, _, n) => ReduceKernels.Add(t, to, from, n),
        Kernel.AddScaled => ReduceKernels.AddScaled,
        Kernel.Scale => ReduceKernels.Scale,
        _ => (t, to, _, f, n) => ReduceKernels.Divide(t, to, f, n),
    };

    private static KernelCall Scalar(Kernel kernel) => kernel switch
    {
        Kernel.Add => (t, to, from, _, n) => ScalarKernels.Add(t, to, from, n),
        Kernel.AddScaled => ScalarKernels.AddScaled,
        Kernel.Scale => ScalarKernels.Scale,
        _ => (t, to, _, f, n) => ScalarKernels.Divide(t, to, f, n),
    };

    private static KernelCall AtWidth(Kernel kernel, int bits) => kernel switch
    {
        Kernel.Add => (t, to, from, f, n) => ReduceKernels.Run<AddOperation>(t, to, from, f, n, bits),
        Kernel.AddScaled => (t, to, from, f, n) => ReduceKernels.Run<AddScaledOperation>(t, to, from, f, n, bits),
        Kernel.Scale => (t, to, from, f, n) => ReduceKernels.Run<ScaleOperation>(t, to, from, f, n, bits),
        _ => (t, to, _, f, n) => ReduceKernels.Run<DivideOperation>(t, to, to, f, n, bits),
    };
}
