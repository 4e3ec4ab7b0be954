using Crossnode.Core;

namespace Crossnode.Core.Tests;

public sealed unsafe class TensorBufferTests
{
    [Fact]
    public void Managed_floats_are_pinned_in_place()
    {
        float[] values = [1, 2, 3];
        using var pinned = TensorBuffer.From(values.AsMemory()).Pin();
        ((float*)pinned.Address)[1] = 7;
        Assert.Equal(7, values[1]);
    }

    [Fact]
    public void Bytes_must_hold_whole_elements() =>
        Assert.Throws<ArgumentException>(() => TensorBuffer.FromBytes(new byte[6], ElementType.Float32));

    [Fact]
    public void Length_may_pass_two_gibibytes()
    {
        byte one = 0;
        var buffer = TensorBuffer.FromPointer(&one, ElementType.Float32, 1L << 30);
        Assert.Equal(1L << 32, buffer.ByteLength);
    }

    [Fact]
    public void Unknown_type_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TensorBuffer.FromBytes(new byte[4], (ElementType)99));
}
