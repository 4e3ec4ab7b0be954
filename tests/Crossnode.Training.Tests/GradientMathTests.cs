using CsCheck;
using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.Tests;

[Trait("tier", "unit")]
public sealed class GradientMathTests
{
    [Theory]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float64)]
    public void Norm_and_scaled_values_equal_scalar_code(ElementType type) =>
        Gen.Double[-8, 8].Array[0, 2600].Sample(
            values =>
            {
                using var buffer = Buffer(type, values);
                using var target = FlatBuffer.AllocateLike(buffer);
                var stored = Read(buffer);
                var norm = Math.Sqrt(stored.Sum(v => v * v));
                Assert.InRange(GradientMath.GlobalNorm([buffer]) - norm, -1e-9 * (norm + 1), 1e-9 * (norm + 1));

                GradientMath.Scale(buffer, target, 0.3);
                var expected = stored.Select(v => Round(type, type == ElementType.Float64 ? v * 0.3 : (float)v * 0.3f));
                Assert.Equal(expected, Read(target));
                GradientMath.Scale(buffer, target, 1);
                Assert.Equal(stored, Read(target));
            },
            iter: 60);

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void Norm_is_not_finite_when_an_element_is_not_and_its_tensor_is_found(double bad)
    {
        foreach (var type in new[] { ElementType.Float16, ElementType.BFloat16, ElementType.Float32, ElementType.Float64 })
        {
            using var first = Buffer(type, new double[40]);
            var values = new double[40];
            values[33] = bad;
            using var second = Buffer(type, values, ("a", 33), ("b", 2), ("c", 5));
            Assert.False(double.IsFinite(GradientMath.GlobalNorm([first, second])));
            Assert.Equal("b", GradientMath.FirstNotFinite([first, second])?.Name);
        }
    }

    [Fact]
    public void Norm_of_huge_finite_doubles_is_finite()
    {
        using var buffer = Buffer(ElementType.Float64, [3e200, 4e200]);
        Assert.Equal(5e200, GradientMath.GlobalNorm([buffer]), 1e186);
        Assert.Null(GradientMath.FirstNotFinite([buffer]));
    }

    internal static FlatBuffer Buffer(ElementType type, double[] values, params (string, long)[] tensors)
    {
        var buffer = FlatBuffer.Allocate(
            type, FlatBuffer.Layout(tensors.Length > 0 ? tensors : [("all", values.LongLength)]));
        for (var i = 0; i < values.Length; i++)
        {
            switch (type)
            {
                case ElementType.Float64:
                    buffer.AsSpan<double>()[i] = values[i];
                    break;
                case ElementType.Float32:
                    buffer.AsSpan<float>()[i] = (float)values[i];
                    break;
                case ElementType.Float16:
                    buffer.AsSpan<Half>()[i] = (Half)values[i];
                    break;
                default:
                    buffer.AsSpan<ushort>()[i] = (ushort)(BitConverter.SingleToUInt32Bits((float)Round(type, values[i])) >> 16);
                    break;
            }
        }

        return buffer;
    }

    // Independent of the code under test: halves by the runtime, bfloat16 by choosing the nearer of two neighbours.
    private static double Round(ElementType type, double value)
    {
        if (type != ElementType.BFloat16 || !double.IsFinite(value))
        {
            return type switch
            {
                ElementType.Float64 => value,
                ElementType.Float16 => (double)(Half)value,
                _ => (float)value,
            };
        }

        var single = (float)value;
        var bits = BitConverter.SingleToUInt32Bits(single) & 0xFFFF0000;
        var low = BitConverter.UInt32BitsToSingle(bits);
        var high = BitConverter.UInt32BitsToSingle(bits + 0x10000);
        var (toLow, toHigh) = (Math.Abs((double)single - low), Math.Abs((double)high - single));
        return toLow < toHigh || (toLow == toHigh && ((bits >> 16) & 1) == 0) ? low : high;
    }

    private static double[] Read(FlatBuffer buffer) => buffer.Type switch
    {
        ElementType.Float64 => buffer.AsSpan<double>().ToArray(),
        ElementType.Float32 => [.. buffer.AsSpan<float>().ToArray().Select(v => (double)v)],
        ElementType.Float16 => [.. buffer.AsSpan<Half>().ToArray().Select(v => (double)v)],
        _ => [.. buffer.AsSpan<ushort>().ToArray().Select(v => (double)BitConverter.UInt32BitsToSingle((uint)v << 16))],
    };
}
