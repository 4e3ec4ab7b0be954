using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Crossnode.Numerics.Tests;

/// <summary>Conversions of the 16-bit types: every value widened, every boundary between two values narrowed.</summary>
[Trait("tier", "unit")]
public sealed unsafe class FormatTests
{
    [Fact]
    public void Float16_widens_every_value() => AssertWidens<Float16Format>(
        bits => (float)BitConverter.UInt16BitsToHalf(bits));

    [Fact]
    public void BFloat16_widens_every_value() => AssertWidens<BFloat16Format>(ScalarKernels.FromBFloat16);

    [Fact]
    public void Float16_narrows_ties_to_even_between_all_neighbours() => AssertNarrows<Float16Format>(
        bits => (float)BitConverter.UInt16BitsToHalf(bits), 0x7BFF, 65536, value => BitConverter.HalfToUInt16Bits((Half)value));

    [Fact]
    public void BFloat16_narrows_ties_to_even_between_all_neighbours() => AssertNarrows<BFloat16Format>(
        ScalarKernels.FromBFloat16, 0x7F7F, Math.ScaleB(1, 128), ScalarKernels.ToBFloat16);

    [Theory]
    [InlineData(65519.996f, 0x7BFF)]
    [InlineData(65520f, 0x7C00)]
    [InlineData(float.MaxValue, 0x7C00)]
    [InlineData(float.NegativeInfinity, 0xFC00)]
    [InlineData(-0f, 0x8000)]
    [InlineData(1f, 0x3C00)]
    [InlineData(1.00048828125f, 0x3C00)]
    [InlineData(1.00146484375f, 0x3C02)]
    [InlineData(2.9802322e-8f, 0x0000)]
    [InlineData(2.9802326e-8f, 0x0001)]
    [InlineData(float.Epsilon, 0x0000)]
    public void Float16_narrows_known_values(float value, int bits) =>
        Assert.Equal((ushort)bits, Narrow<Float16Format>(value));

    [Theory]
    [InlineData(1f, 0x3F80)]
    [InlineData(1.00390625f, 0x3F80)]
    [InlineData(1.01171875f, 0x3F82)]
    [InlineData(float.MaxValue, 0x7F80)]
    [InlineData(-0f, 0x8000)]
    [InlineData(float.Epsilon, 0x0000)]
    public void BFloat16_narrows_known_values(float value, int bits) =>
        Assert.Equal((ushort)bits, Narrow<BFloat16Format>(value));

    [Theory]
    [InlineData(0x7F80_0001u)]
    [InlineData(0x7FFF_FFFFu)]
    [InlineData(0xFFFF_8000u)]
    public void NaN_with_any_payload_stays_one(uint bits)
    {
        var value = BitConverter.UInt32BitsToSingle(bits);
        Assert.True(Half.IsNaN(BitConverter.UInt16BitsToHalf(Narrow<Float16Format>(value))));
        Assert.True(float.IsNaN(ScalarKernels.FromBFloat16(Narrow<BFloat16Format>(value))));
    }

    private static void AssertWidens<TFormat>(Func<ushort, float> oracle)
        where TFormat : struct, IElementFormat<float>
    {
        var packed = stackalloc ushort[16];
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            new Span<ushort>(packed, 16).Fill((ushort)bits);
            var expected = oracle((ushort)bits);
            var wide = TFormat.Load512((byte*)packed);
            AssertSame(expected, wide[15]);
            AssertSame(expected, TFormat.Load256((byte*)packed)[7]);
            AssertSame(expected, TFormat.Load128((byte*)packed)[3]);
        }
    }

    private static void AssertNarrows<TFormat>(
        Func<ushort, float> value, ushort largest, double pastLargest, Func<float, ushort> oracle)
        where TFormat : struct, IElementFormat<float>
    {
        for (var bits = 0; bits <= largest; bits++)
        {
            var lower = value((ushort)bits);
            var upper = bits == largest ? pastLargest : value((ushort)(bits + 1));
            var tie = (float)((lower + upper) / 2);
            var even = (ushort)(bits + (bits & 1));
            Assert.Equal(((ushort)bits, even), (Narrow<TFormat>(lower), Narrow<TFormat>(tie)));
            Assert.Equal((ushort)bits, Narrow<TFormat>(MathF.BitDecrement(tie)));
            Assert.Equal((ushort)(bits + 1), Narrow<TFormat>(MathF.BitIncrement(tie)));
            Assert.Equal((ushort)(even | 0x8000), Narrow<TFormat>(-tie));
            Assert.Equal(even, oracle(tie));
        }
    }

    private static ushort Narrow<TFormat>(float value)
        where TFormat : struct, IElementFormat<float>
    {
        var packed = stackalloc ushort[16];
        TFormat.Store512<CachedStore>((byte*)packed, Vector512.Create(value));
        var bits = packed[15];
        TFormat.Store256<CachedStore>((byte*)packed, Vector256.Create(value));
        Assert.Equal(bits, packed[7]);
        TFormat.Store128<CachedStore>((byte*)packed, Vector128.Create(value));
        Assert.Equal(bits, packed[3]);
        return bits;
    }

    private static void AssertSame(float expected, float actual)
    {
        if (float.IsNaN(expected))
        {
            Assert.True(float.IsNaN(actual));
            return;
        }

        Assert.Equal(Unsafe.BitCast<float, uint>(expected), Unsafe.BitCast<float, uint>(actual));
    }
}
