using Crossnode.Collectives.State;

namespace Crossnode.Collectives.Tests.State;

[Trait("tier", "unit")]
public sealed class TokenBucketTests
{
    [Theory]
    [InlineData(1_000, 1)]
    [InlineData(1_000_000, 3)]
    [InlineData(50_000_000, 7)]
    [InlineData(5_000_000_000, 11)]
    public void Rate_is_held_within_five_percent_over_every_second(long rate, int seed)
    {
        // A sender that looks at random moments, up to 30 ms late.
        var random = new Random(seed);
        var bucket = new TokenBucket(rate, TimeSpan.Zero);
        var sent = new List<(TimeSpan At, int Bytes)>();
        var now = TimeSpan.Zero;
        while (now < TimeSpan.FromSeconds(5))
        {
            while (bucket.TryTake(now, bucket.SliceBytes))
            {
                sent.Add((now, bucket.SliceBytes));
            }

            now += bucket.Until(now, bucket.SliceBytes) + TimeSpan.FromMilliseconds(random.NextDouble() * 30);
        }

        // A slice of the smallest size is much for the smallest rate.
        var slack = 0.05 + ((double)bucket.SliceBytes / rate);
        for (var start = 0; start < 4; start++)
        {
            var from = TimeSpan.FromSeconds(start + 0.1);
            var bytes = sent.Where(item => item.At >= from && item.At < from + TimeSpan.FromSeconds(1)).Sum(item => (double)item.Bytes);
            Assert.InRange(bytes / rate, 1 - slack, 1 + slack);
        }
    }

    [Fact]
    public void Nothing_goes_before_its_time()
    {
        var bucket = new TokenBucket(1_000_000, TimeSpan.Zero);
        Assert.False(bucket.TryTake(TimeSpan.Zero, 1_000));
        Assert.Equal(TimeSpan.FromMilliseconds(1), bucket.Until(TimeSpan.Zero, 1_000));
        Assert.True(bucket.TryTake(TimeSpan.FromMilliseconds(1), 1_000));
        Assert.False(bucket.TryTake(TimeSpan.FromMilliseconds(1), 1));
    }

    [Fact]
    public void What_was_charged_is_waited_for()
    {
        var bucket = new TokenBucket(1_000_000, TimeSpan.Zero);
        bucket.Charge(TimeSpan.Zero, 500_000);
        Assert.Equal(501, bucket.Until(TimeSpan.Zero, 1_000).TotalMilliseconds, 6);
    }

    [Fact]
    public void Idle_time_gives_no_more_than_a_moment()
    {
        var bucket = new TokenBucket(1_000_000, TimeSpan.Zero);
        Assert.True(bucket.TryTake(TimeSpan.FromHours(1), 40_000));
        Assert.False(bucket.TryTake(TimeSpan.FromHours(1), 1));
    }

    [Fact]
    public void More_than_it_holds_goes_once_it_is_full()
    {
        var bucket = new TokenBucket(1_000, TimeSpan.Zero);
        Assert.True(bucket.TryTake(TimeSpan.FromSeconds(1), 100_000));
        Assert.InRange(bucket.Until(TimeSpan.FromSeconds(1), 512).TotalSeconds, 99, 101);
    }
}
