using Crossnode.Core;
using Crossnode.Training.Buffers;
using Crossnode.Training.Joining;

namespace Crossnode.Training.Tests.Joining;

[Trait("tier", "unit")]
public sealed class UpdateQueueTests
{
    [Fact]
    public void Updates_come_out_in_order_as_they_were_when_they_went_in()
    {
        using var queue = new UpdateQueue(1000);
        using var source = FlatBuffer.Allocate(ElementType.Float32, FlatBuffer.Layout([("w", 4)]));
        for (var step = 0; step < 3; step++)
        {
            source.AsSpan<float>().Fill(step);
            Assert.True(queue.TryAdd(Outcome(step), [0.1 * step], [source]));
        }

        for (var step = 0; step < 3; step++)
        {
            Assert.True(queue.TryTake(out var update));
            Assert.Equal(step, update!.Outcome.Step);
            Assert.Equal(0.1 * step, update.LearningRates[0]);
            Assert.All(update.Buffers[0].AsSpan<float>().ToArray(), value => Assert.Equal(step, value));
            queue.Recycle(update);
        }

        Assert.False(queue.TryTake(out _));
        Assert.Equal(0, queue.Bytes);
    }

    [Fact]
    public void Update_beyond_the_budget_is_refused_until_one_was_given_back()
    {
        using var queue = new UpdateQueue(40);
        using var source = FlatBuffer.Allocate(ElementType.Float32, FlatBuffer.Layout([("w", 5)]));
        Assert.True(queue.TryAdd(Outcome(0), [], [source]));
        Assert.True(queue.TryAdd(Outcome(1), [], [source]));
        Assert.False(queue.TryAdd(Outcome(2), [], [source]));

        Assert.True(queue.TryTake(out var first));
        queue.Recycle(first!);

        Assert.True(queue.TryAdd(Outcome(2), [], [source]));
    }

    private static StepOutcome Outcome(long step) => new(step, default, [], 0, 1, 0);
}
