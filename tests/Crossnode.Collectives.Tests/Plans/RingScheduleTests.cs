using Crossnode.Collectives.Plans;

namespace Crossnode.Collectives.Tests.Plans;

[Trait("tier", "unit")]
public sealed class RingScheduleTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)]
    public void Each_position_sends_what_it_received_a_step_earlier_and_the_next_position_expects(int world)
    {
        for (var position = 0; position < world; position++)
        {
            var schedule = new RingSchedule(world, position, 100, 4, 16);
            var next = new RingSchedule(world, (position + 1) % world, 100, 4, 16);
            Assert.Equal(position, schedule.SegmentSentAt(0));
            for (var step = 0; step < schedule.StepCount; step++)
            {
                Assert.Equal(schedule.SegmentSentAt(step), next.SegmentReceivedAt(step));
                Assert.Equal(schedule.SegmentReceivedAt(step), schedule.SegmentSentAt(step + 1));
            }

            Assert.Equal((position + 1) % world, schedule.SegmentReceivedAt(schedule.LastReduceStep));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(2_000_000_011)]
    public void Segments_and_their_chunks_cover_the_buffer_once(long count)
    {
        const int ChunkBytes = 1 << 20;
        var schedule = new RingSchedule(5, 3, count, 8, ChunkBytes);
        long end = 0;
        for (var segment = 0; segment < 5; segment++)
        {
            var chunks = schedule.ChunksOf(segment);
            Assert.True(chunks.Count >= 1);
            for (long chunk = 0; chunk < chunks.Count; chunk++)
            {
                Assert.Equal(end, chunks.OffsetOf(chunk));
                Assert.InRange(chunks.LengthOf(chunk), count < 5 ? 0 : 1, ChunkBytes);
                Assert.Equal(0, chunks.LengthOf(chunk) % 8);
                end += chunks.LengthOf(chunk);
            }
        }

        Assert.Equal(count * 8, end);
    }
}
