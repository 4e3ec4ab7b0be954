using Crossnode.Core;
using Crossnode.Training.Joining;

namespace Crossnode.Training.Tests.Joining;

[Trait("tier", "unit")]
public sealed class HashVoteTests
{
    [Fact]
    public void Hashes_come_out_of_a_sum_of_ballots_bit_by_bit()
    {
        var random = new DeterministicRandom(5);
        var hashes = Enumerable.Range(0, 5).Select(_ => new StateHash(random.NextUInt64(), random.NextUInt64())).ToList();
        hashes[3] = new StateHash(ulong.MaxValue, 0);
        var sum = new double[hashes.Count * HashVote.Width];
        for (var member = 0; member < hashes.Count; member++)
        {
            var ballot = HashVote.Ballot(hashes.Count, member, hashes[member]);
            for (var i = 0; i < sum.Length; i++)
            {
                sum[i] += ballot[i];
            }
        }

        for (var member = 0; member < hashes.Count; member++)
        {
            Assert.Equal(hashes[member], HashVote.At(sum, member));
        }
    }

    [Fact]
    public void Most_frequent_hash_wins_among_voters_only()
    {
        StateHash one = new(1, 1), two = new(2, 2);
        StateHash[] hashes = [two, one, one, two, two];
        var sum = new double[hashes.Length * HashVote.Width];
        for (var member = 0; member < hashes.Length; member++)
        {
            var ballot = HashVote.Ballot(hashes.Length, member, hashes[member]);
            for (var i = 0; i < sum.Length; i++)
            {
                sum[i] += ballot[i];
            }
        }

        Assert.Equal(two, HashVote.Majority(sum, [0, 1, 2, 3, 4]));
        Assert.Equal(one, HashVote.Majority(sum, [0, 1, 2]));
        Assert.Equal(two, HashVote.Majority(sum, [0, 1]));
    }
}
