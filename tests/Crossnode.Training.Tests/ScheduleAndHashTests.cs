using Crossnode.Core;
using Crossnode.Training.Buffers;

namespace Crossnode.Training.Tests;

[Trait("tier", "unit")]
public sealed class ScheduleAndHashTests
{
    [Fact]
    public void Rate_rises_linearly_then_falls_along_half_a_cosine()
    {
        var schedule = new WarmupCosineSchedule { Peak = 1, Floor = 0.1, WarmupSteps = 4, TotalSteps = 12 };
        Assert.Equal([0.25, 0.5, 0.75, 1.0], Enumerable.Range(0, 4).Select(s => schedule.At(s)));
        Assert.Equal(1.0, schedule.At(4), 1e-12);
        Assert.Equal(0.55, schedule.At(8), 1e-12);
        Assert.Equal(0.1 + (0.45 * (1 + Math.Cos(Math.PI * 7 / 8))), schedule.At(11), 1e-12);
        Assert.Equal(0.1, schedule.At(12));
        Assert.Equal(0.1, schedule.At(long.MaxValue));
    }

    [Fact]
    public void Schedule_that_contradicts_itself_is_refused() => Assert.Throws<InvalidOperationException>(
        () => new WarmupCosineSchedule { Peak = 1, WarmupSteps = 5, TotalSteps = 4 }.At(0));

    [Fact]
    public void Hash_tells_values_types_and_borders_apart()
    {
        using var a = GradientMathTests.Buffer(ElementType.Float32, [1, 2, 3]);
        using var same = GradientMathTests.Buffer(ElementType.Float32, [1, 2, 3]);
        using var other = GradientMathTests.Buffer(ElementType.Float32, [1, 2, 4]);
        using var head = GradientMathTests.Buffer(ElementType.Float32, [1, 2]);
        using var tail = GradientMathTests.Buffer(ElementType.Float32, [3]);
        Assert.Equal(StateHash.Of([a]), StateHash.Of([same]));
        Assert.NotEqual(StateHash.Of([a]), StateHash.Of([other]));
        Assert.NotEqual(StateHash.Of([a]), StateHash.Of([head, tail]));
        Assert.Equal(32, StateHash.Of([a]).ToString().Length);
    }

    [Fact]
    public void Buffer_slices_stay_inside_and_disposed_memory_is_refused()
    {
        var buffer = FlatBuffer.Allocate(ElementType.Float32, FlatBuffer.Layout([("a", 3), ("b", 4)]));
        Assert.Equal(new FlatSegment("b", 3, 4), buffer.Segments[1]);
        Assert.Equal(4, buffer.Slice(3, 4).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Slice(4, 4));
        Assert.Throws<ArgumentException>(() => buffer.AsSpan<double>());
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.AsTensorBuffer());
    }
}
