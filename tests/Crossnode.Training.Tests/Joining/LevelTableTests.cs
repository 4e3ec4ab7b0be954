using Crossnode.Core;
using Crossnode.Training.Joining;

namespace Crossnode.Training.Tests.Joining;

[Trait("tier", "unit")]
public sealed class LevelTableTests
{
    [Fact]
    public void Restarted_member_is_behind_although_its_number_was_level()
    {
        var table = new LevelTable([At(0, 10), At(1, 11), At(2, 12)]);

        var level = table.Committed([At(0, 10), At(1, 99), At(2, 12)]);

        Assert.Equal([new MemberId(0), new MemberId(2)], level);
        Assert.Equal([At(1, 99)], table.Behind([At(0, 10), At(1, 99), At(2, 12)]));
    }

    [Fact]
    public void Member_that_was_away_for_one_step_is_behind_when_it_comes_back()
    {
        var table = new LevelTable([At(0, 10), At(1, 11)]);
        table.Committed([At(0, 10)]);

        Assert.Equal([new MemberId(0)], table.Committed([At(0, 10), At(1, 11)]));
    }

    [Fact]
    public void Newcomer_counts_once_it_was_added()
    {
        var table = new LevelTable([At(0, 10)]);
        table.Committed([At(0, 10), At(7, 70)]);
        table.Add(At(7, 70));

        Assert.True(table.IsLevel(At(7, 70)));
        Assert.Equal([new MemberId(0), new MemberId(7)], table.Committed([At(0, 10), At(7, 70)]));
    }

    private static Participant At(uint member, ulong incarnation) => new(new MemberId(member), incarnation);
}
